(* SPDX-License-Identifier: GPL-2.0-only *)
(* The installed state: empty roots.  R holds of it, so the theorems are about something; the C runs on it. *)
From KCore Require Import pt.Pt pt.Hw.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition no_tables (s : state) : state :=
  with_maps s (fun _ _ => 0) (fun _ _ => 0) (fun _ _ _ => 0) (fun _ => false).

Definition installed (s : state) : Prop :=
  let base := cell s "root_base" 0 in
  0 < base /\ base mod 8192 = 0 /\ base + 2 ^ 21 <= 2 ^ 40 /\ forall i, 0 <= i < 256 * 1024 -> word s (base + i * 8) = 0.

Theorem boot_related s : installed s -> R s (no_tables s).
Proof.
  intros (A & M & E & Z). split; [repeat split|]. split; [intros a _ _; reflexivity|]. exists (fun _ => (0, 0, 0)).
  assert (NP : forall l vm n, present (no_tables s) l vm n -> l = 1).
  { intros l vm n ((L & _) & P). revert P. pattern l. apply three; [exact L| | |]; unfold tbase; cbn; auto; intros K; exfalso; auto. }
  split; auto.
  - intros l vm n P. pose proof (NP _ _ _ P) as ->. destruct P as ((_ & V & N) & _). unfold nmax in N. cbn [Z.eqb Pos.eqb] in N.
    unfold addr, tbase, slot, up, root, val. cbn [Z.eqb Pos.eqb cell no_tables with_maps s1]. cbn.
    replace (cell s "root_base" 0 + vm * 8192 + n * 8) with (cell s "root_base" 0 + (vm * 1024 + n) * 8) by lia. apply Z. lia.
  - intros l vm n P L. exfalso. apply L. eapply NP, P.
Qed.

(* The translated C on an installed machine: a page is mapped, the hardware finds it; it is unmapped, the hardware faults. *)
Definition machine : state :=
  setcell "pool_free" 0 2 (setcell "pool_base" 0 0x41000000 (setcell "root_base" 0 0x40200000
    (no_tables (mkstate (fun _ _ => 0) (fun _ => 0) (fun _ _ => 0) true [] (fun _ _ => 0) (fun _ _ => 0) (fun _ _ => 0) (fun _ _ _ => 0) (fun _ => false))))).
Lemma machine_installed : installed machine.
Proof. unfold installed. cbn. split; [lia|]. split; [reflexivity|]. split; [lia|]. reflexivity. Qed.

Definition call (f : string) (args : list Z) (s : state) : state :=
  match link L0 m_tables f args s with Ok (_, s') => s' | _ => machine end.
Example map_and_unmap :
  let s := call "s2_set" [3; 0x40201000; 3; 0x500017ff] (call "s2_prepare" [3; 0x40201000; 3] machine) in
  walk (word s) levels_40 (root s 3) 0x40201234 = Mapped (mktrans 0x50001234 3 0 15 3) /\
  walk (word s) levels_40 (root s 3) 0x40202234 = Fault.
Proof. vm_compute. auto. Qed.
