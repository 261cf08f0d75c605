(* SPDX-License-Identifier: GPL-2.0-only *)
(* vm.c: life of a VM. *)
From KCore Require Import code.Common code.Log gen.C_vm.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition alive (s : state) (vm : Z) : bool :=
  (1 <=? vm) && (vm <? KCORE_NR_VMS) && negb (cell s "vm_state" vm =? VM_FREE).

Definition s_vm_alive : prim state := fun args s =>
  match args with [vm] => pre 0 <=? vm in Ok (b2z (alive s vm), s) | _ => Stuck end.

Lemma vm_alive_ok : meets (run L1 f_vm_alive) s_vm_alive.
Proof.
  spec_open. unfold alive. consts. start f_vm_alive. steps; cbn [ends result]; right.
  - destruct (1 <=? z) eqn:A, (z <? 256) eqn:B; try reflexivity; contra.
  - replace (1 <=? z) with true by (symmetry; apply Z.leb_le; props; lia).
    replace (z <? 256) with true by (symmetry; apply Z.ltb_lt; props; lia). reflexivity.
Qed.

(* The first free handle of n from i, 0: none. *)
Fixpoint free_from (s : state) (n : nat) (i : Z) : Z :=
  match n with O => 0 | S m => if cell s "vm_state" i =? VM_FREE then i else free_from s m (i + 1) end.
Definition find_free (s : state) : Z := free_from s (Z.to_nat (KCORE_NR_VMS - 1)) 1.

Definition s_vm_find_free : prim state := fun args s => match args with [] => Ok (find_free s, s) | _ => Stuck end.

Lemma vm_find_free_ok : meets (run L1 f_vm_find_free) s_vm_find_free.
Proof.
  spec_open. unfold find_free. consts. start f_vm_find_free. apply wp_seq.
  eapply (wp_for _ (fun k e s' => s' = s /\ (exists a b, e = [a; b]) /\
    free_from s (Z.to_nat (256 - 1)) 1 = free_from s (Z.to_nat (256 - 1) - k) (1 + Z.of_nat k)) _ _ _ _ _ _ 1 (Z.to_nat (256 - 1))).
  - apply loop_range_1; try reflexivity; cbn [modulus]; lia.
  - split; [reflexivity|]. split; [eauto|]. rewrite Nat.sub_0_r. reflexivity.
  - intros k e s' Hk (-> & (a & b & ->) & Hr). cbn [setv].
    replace (Z.to_nat (256 - 1) - k)%nat with (S (Z.to_nat (256 - 1) - S k)) in Hr by lia.
    cbn [free_from] in Hr. revert Hr. consts. intros Hr.
    rewrite Z.mul_1_r. steps.
    + rewrite C in Hr. rewrite Hr. finish.
    + rewrite C in Hr. split; [reflexivity|]. split; [eauto|].
      rewrite Hr. f_equal. lia.
  - intros e s' (-> & (a & b & ->) & Hr). cbn [setv]. steps. rewrite Hr, Nat.sub_diag. finish.
Qed.

Lemma free_from_range s n i : 0 < i -> free_from s n i = 0 \/ i <= free_from s n i < i + Z.of_nat n.
Proof.
  revert i; induction n as [|n IH]; intros i Hi; cbn [free_from]; [auto|].
  destruct (_ =? _); [right; lia|]. destruct (IH (i + 1)); lia.
Qed.
Lemma find_free_range s : 0 <= find_free s < 256.
Proof. pose proof (free_from_range s (Z.to_nat (KCORE_NR_VMS - 1)) 1). unfold find_free, KCORE_NR_VMS in *. lia. Qed.
Global Opaque find_free.

(* No vCPU of the VM was on the first n CPUs. *)
Fixpoint no_last (vm : Z) (n : nat) (s : state) : state :=
  match n with O => s | S m => setcell "last_vcpu" (vm * KCORE_MAX_CPUS + Z.of_nat m) NO_VCPU (no_last vm m s) end.
Lemma no_last_cell vm n s m j : String.eqb m "last_vcpu" = false -> cell (no_last vm n s) m j = cell s m j.
Proof. intros E. induction n; cbn [no_last]; [reflexivity|]. rewrite cell_other by exact E. exact IHn. Qed.
Lemma no_last_held vm n s : held (no_last vm n s) = held s.
Proof. induction n; auto. Qed.

Ltac keeps_vm :=
  match goal with
  | |- context [held (no_last ?v ?n ?s)] => rewrite (no_last_held v n s)
  | |- context [cell (no_last ?v ?n ?s) ?m ?j] => rewrite (no_last_cell v n s m j eq_refl)
  end.
Ltac keeps ::= repeat first [keeps_base | keeps_log | keeps_vm].

Definition vm_create (type : Z) (s : state) : res (Z * state) :=
  let vm := find_free s in
  if vm =? 0 then Ok (KCORE_ENOMEM, s) else
  let s := setcell "vm_guards" vm 0 (setcell "vm_cursor" vm 0 (setcell "vm_cntvoff" vm 0 (setcell "vm_mem_end" vm 0 (setcell "vm_mem_base" vm 0
             (setcell "vm_type" vm type s))))) in
  let s := bump "vms_alive" 64 0 1 (setcell "vm_state" vm VM_NEW (no_last vm (count KCORE_MAX_CPUS) s)) in
  let s := log_event LOG_VM_CREATE vm type s in
  Ok (vm, record "dsb_tlbi" [] (record "tlbi_vmid" [vttbr_of s vm] s)).
Definition s_vm_create : prim state := fun args s =>
  match args with
  | [type] => pre held s && (0 <=? type) && (type <? 2 ^ 32) && roots_ok s 0 in vm_create type s
  | _ => Stuck
  end.

Lemma vm_create_ok :
  meets (run (add (add L1 "vm_find_free" s_vm_find_free) "log_event" s_log_event) f_vm_create) s_vm_create.
Proof.
  spec_open. pose proof (find_free_range s). unfold vm_create. consts.
  start f_vm_create. go.
  match goal with |- wp _ _ _ ?e ?t => eapply (wp_times _ (fun k e' s' => s' = no_last (find_free s) k t /\ exists a b,
    e' = [Some z; Some (find_free s); Some (vttbr_of s (find_free s)); a; b])) end; try reflexivity.
  - cbn [modulus]; lia.
  - split; [reflexivity|]. eauto.
  - intros k e s' _ Hk (-> & a & b & ->). cbn [setv]. go. split; [reflexivity|]. eauto.
  - intros e s' (-> & a & b & ->). cbn [setv]. go.
Qed.

Definition s_hc_vm_create : prim state := fun args s =>
  match args with
  | [type] =>
      if negb (type =? KCORE_VM_NORMAL) && negb (type =? KCORE_VM_PROTECTED) then Ok (KCORE_EINVAL, s)
      else section (s_vm_create [type]) s
  | _ => Stuck
  end.
Lemma hc_vm_create_ok : meets (run (add L1 "vm_create" s_vm_create) f_hc_vm_create) s_hc_vm_create.
Proof. spec_open. unfold section. consts. start f_hc_vm_create. go. Qed.

Lemma alive_range s vm : negb (alive s vm) = false -> 1 <= vm < 256.
Proof. unfold alive. consts. intros H. props. lia. Qed.
Ltac learn C ::= match type of C with negb (alive _ _) = false => pose proof (alive_range _ _ C) end.

(* x0..x3, pc and the virtual counter's offset, from the page to the context. *)
Fixpoint copy_words (from to : Z) (n : nat) (s : state) : state :=
  match n with
  | O => s
  | S m => let t := copy_words from to m s in setword (to + Z.of_nat m * 8) (word t (from + Z.of_nat m * 8)) t
  end.
Lemma copy_words_held from to n s : held (copy_words from to n s) = held s.
Proof. induction n; auto. Qed.
Lemma copy_words_cell from to n s : cell (copy_words from to n s) = cell s.
Proof. induction n; auto. Qed.
Lemma copy_words_plain from to n s a : plain (copy_words from to n s) a = plain s a.
Proof. induction n; auto. Qed.

Ltac keeps_boot :=
  match goal with
  | |- context [held (copy_words ?a ?b ?n ?s)] => rewrite (copy_words_held a b n s)
  | |- context [cell (copy_words ?a ?b ?n ?s)] => rewrite (copy_words_cell a b n s)
  | |- context [plain (copy_words ?a ?b ?n ?s) ?x] => rewrite (copy_words_plain a b n s x)
  | |- context [plain (setword ?a ?v ?s) ?x] => change (plain (setword a v s) x) with (plain s x)
  end.
Ltac keeps ::= repeat first [keeps_base | keeps_log | keeps_vm | keeps_boot].

Definition PSTATE_BOOT : Z := 0x3c5.
Definition boot_words (vm : Z) (s : state) : state :=
  let vcpu := vm * KCORE_VM_VCPUS in
  let page := cell s "vcpu_page" vcpu in
  let context := cell s "vcpu_context" vcpu in
  let s := copy_words page context (count 4) s in
  let s := setword (context + CTX_PC) (word s (page + CTX_PC)) s in
  let s := setword (context + CTX_PSTATE) PSTATE_BOOT s in
  put64 "vm_cntvoff" vm (word s (page + CTX_CNTVOFF)) s.
(* On, or off until it is started. *)
Definition boot_registers (vm sign : Z) (s : state) : state :=
  let vcpu := vm * KCORE_VM_VCPUS in
  if sign =? 0 then setcell "vcpu_power" vcpu POWER_ON (boot_words vm s)
  else setcell "vcpu_esr" vcpu 0 (setcell "vcpu_pending" vcpu PENDING_START (boot_words vm s)).
Definition boot_ok (s : state) (vm : Z) : bool :=
  plain_page s (cell s "vcpu_page" (vm * KCORE_VM_VCPUS)) && plain_page s (cell s "vcpu_context" (vm * KCORE_VM_VCPUS)).

Definition s_vm_boot_registers : prim state := fun args s =>
  match args with
  | [vm; sign] => pre held s && nth_vm vm && boot_ok s vm in Ok (0, boot_registers vm sign s)
  | _ => Stuck
  end.
Lemma vm_boot_registers_ok : meets (run L1 f_vm_boot_registers) s_vm_boot_registers.
Proof.
  spec_open. unfold boot_registers, boot_words, boot_ok, PSTATE_BOOT, put64 in *. consts. props. start f_vm_boot_registers. go.
  match goal with |- wp _ _ _ [_; _; Some ?p; Some ?c; _; _] ?t => eapply (wp_times _ (fun k e' s' =>
    s' = copy_words p c k t /\ exists a b, e' = [Some z; Some z0; Some p; Some c; a; b])) end; try reflexivity.
  - cbn [modulus]; lia.
  - split; [reflexivity|]. eauto.
  - intros k e s' _ Hk (-> & a & b & ->). cbn [setv]. go. split; [reflexivity|]. eauto.
  - intros e s' (-> & a & b & ->). cbn [setv]. destruct (z0 =? 0) eqn:Sg; go.
Qed.

