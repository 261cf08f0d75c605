(* SPDX-License-Identifier: GPL-2.0-only *)
(* A machine, and a state of the C on it, that meet what the theorems ask for: 16 MiB of DRAM, a pool of 16 pages. *)
From KCore Require Import code.Common.
From Coq Require Import ZifyBool.
From KCore Require Import top.InvStep top.InvOwn top.Ni.
From KCore Require Export sim.NiCode.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition small_machine : config := {|
  region p := if (262144 <=? p) && (p <? 266240) then 0 else -1;
  denied _ := false;
  core p := (262655 <=? p) && (p <? 263184);
  pool := 16;
  reserve := 0;
  installed_core := 0;
  info _ _ := 0;
  gicv3 := true;
  aarch32 := true;
  ras := true;
  broken _ := false
|}.
(* What the C's cells say of it. *)
Definition small_cells : list (string * Z) := [("nr_dram", 1); ("nr_pages", 4096); ("pool_pages", 16); ("pool_base", 0x40400000);
  ("root_base", 0x40200000); ("dram_base", 0x40000000); ("dram_end", 0x41000000);
  ("host_context", 0x401ff000); ("nr_cpus", 1); ("has_gicv3", 1); ("has_aarch32", 2); ("has_ras", 1)].
Definition small_fixed (n : string) (_ : Z) : Z := match Lang.find n small_cells with Some x => x | None => 0 end.

Ltac small :=
  change (small_fixed "nr_dram" 0) with 1 in *; change (small_fixed "nr_pages" 0) with 4096 in *;
  change (small_fixed "pool_pages" 0) with 16 in *; change (small_fixed "pool_base" 0) with 0x40400000 in *;
  change (small_fixed "root_base" 0) with 0x40200000 in *; change (small_fixed "nr_denied" 0) with 0 in *;
  repeat match goal with
  | |- context [small_fixed "dram_base" ?i] => change (small_fixed "dram_base" i) with 0x40000000
  | |- context [small_fixed "dram_end" ?i] => change (small_fixed "dram_end" i) with 0x41000000
  | |- context [small_fixed "dram_first" ?i] => change (small_fixed "dram_first" i) with 0
  end.
Ltac decide_pages :=
  repeat match goal with
  | |- context [if ?b then _ else _] => let E := fresh "E" in destruct b eqn:E
  | H : context [if ?b then _ else _] |- _ => let E := fresh "E" in destruct b eqn:E
  end; props; try lia.

Theorem small_installed : @installed small_machine small_fixed.
Proof.
  constructor; small; unfold dram, record_no; cbn [region core pool small_machine]; unfold PAGE_BYTES, IPA_END, KCORE_MAX_REGIONS, KCORE_MAX_DENIED,
    KCORE_NR_VMS, ROOT_BYTES; try (repeat split; (reflexivity || lia)).
  - intros p. destruct (_ && _); lia.
  - intros i p Hi. assert (i = 0) as -> by lia. small. destruct (_ && _) eqn:E; lia.
  - intros i Hi. small. repeat split; try reflexivity; try lia; discriminate.
  - intros p q. small. destruct ((262144 <=? p) && _) eqn:E, ((262144 <=? q) && _) eqn:F; cbn; try discriminate. intros _ _. small. lia.
  - intros p. cbn [denied small_machine]. split; [discriminate|intros (i & A & _); lia].
  - intros p H. replace ((262144 <=? p) && (p <? 266240)) with true by lia. reflexivity.
  - intros k Hk. change (1077936128 / 4096) with 263168. lia.
  - intros c _. cbv zeta. change (small_fixed "host_context" c) with 0x401ff000. repeat split; try reflexivity; try discriminate; left; reflexivity.
  - vm_compute. discriminate.
  - change (small_fixed "nr_cpus" 0) with 1. unfold KCORE_MAX_CPUS. lia.
Qed.

Definition small_state : state :=
  mkstate (fun n i => if String.eqb n "page_owner" then (if (511 <=? i) && (i <? 1040) then OWNER_CORE else OWNER_HOST)
                      else if String.eqb n "cpu_vcpu" then NO_VCPU else if String.eqb n "pool_free" then 16 else small_fixed n i)
    (fun _ => 0) (fun n i => if String.eqb n "host_context" then 0x401ff000 else 0) false [] (fun _ _ => 0) (fun _ _ => 0) (fun _ _ => 0)
    (fun _ _ _ => 0) (fun _ => false).

Theorem small_matches : @matches small_machine small_fixed 0 (false, small_state) (@boot small_machine (contents small_state)).
Proof.
  apply start_matches; [exact small_installed|reflexivity|unfold is_cpu, KCORE_MAX_CPUS; lia| |reflexivity|cbn; lia|cbn; lia]. constructor.
  - intros n i H. unfold fixed_names in H. cbn [In] in H. repeat (destruct H as [<-|H]; [reflexivity|]). destruct H.
  - intros n i H. unfold zero_names in H. cbn [In] in H. repeat (destruct H as [<-|H]; [reflexivity|]). destruct H.
  - intros p D. unfold dram in D. cbn [region small_machine] in D. unfold record_no. cbn [region core small_machine].
    destruct ((262144 <=? p) && (p <? 266240)) eqn:E; [|discriminate D]. small. cbn [cell small_state String.eqb Ascii.eqb Bool.eqb].
    change (1073741824 / PAGE_BYTES) with 262144. props.
    replace (0 + (p - 262144)) with (p - 262144) by lia.
    destruct ((511 <=? p - 262144) && _) eqn:F, ((262655 <=? p) && _) eqn:G; auto; lia.
  - reflexivity.
  - repeat split; reflexivity || (cbn; lia).
  - repeat split; reflexivity.
  - split; reflexivity.
  - cbn. lia.
Qed.

Theorem premises_met : exists cfg fixed s, @installed cfg fixed /\ @sound cfg /\
  @matches cfg fixed 0 (false, s) (@boot cfg (contents s)).
Proof.
  exists small_machine, small_fixed, small_state. split; [exact small_installed|]. split; [intros k; reflexivity|exact small_matches].
Qed.
