(* SPDX-License-Identifier: GPL-2.0-only *)
(* guard.c: pages outside of a protected VM's memory that its guest gives the host to serve. *)
From KCore Require Import code.Calls gen.C_guard.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The first of n ranges from i that holds the IPA; GUARD_RANGES: none. *)
Definition in_guard (s : state) (vm i ipa : Z) : bool :=
  (cell s "guard_base" (vm * GUARD_RANGES + i) <=? ipa) && (ipa <? cell s "guard_end" (vm * GUARD_RANGES + i)).
Fixpoint guard_from (s : state) (vm ipa : Z) (n : nat) (i : Z) : Z :=
  match n with O => GUARD_RANGES | S m => if in_guard s vm i ipa then i else guard_from s vm ipa m (i + 1) end.
Definition guard_of (s : state) (vm n ipa : Z) : Z := guard_from s vm ipa (Z.to_nat n) 0.
Lemma guard_from_range s vm ipa n i : 0 <= i -> guard_from s vm ipa n i = 16 \/ i <= guard_from s vm ipa n i < i + Z.of_nat n.
Proof.
  revert i; induction n as [|n IH]; intros i Hi; cbn [guard_from]; [auto|].
  destruct (in_guard _ _ _ _); [right; lia|]. destruct (IH (i + 1)); lia.
Qed.
Lemma guard_of_range s vm n ipa : 0 <= n <= 16 -> guard_of s vm n ipa = 16 \/ 0 <= guard_of s vm n ipa < n.
Proof. intros H. unfold guard_of. destruct (guard_from_range s vm ipa (Z.to_nat n) 0); lia. Qed.

Definition s_guard_find : prim state := fun args s =>
  match args with [vm; n; ipa] => pre (0 <=? vm) && (vm <? 256) && (0 <=? n) && (n <=? 16) in Ok (guard_of s vm n ipa, s) | _ => Stuck end.
Lemma guard_find_ok : meets (run L1 f_guard_find) s_guard_find.
Proof.
  spec_open. unfold guard_of. consts. props. replace (Z.to_nat z0) with (Z.to_nat (z0 - 0)) by (f_equal; lia). start f_guard_find. apply wp_seq.
  eapply (wp_for _ (fun k e s' => s' = s /\ (exists a b c, e = [Some z; Some z0; Some z1; a; b; c]) /\
    guard_from s z z1 (Z.to_nat (z0 - 0)) 0 = guard_from s z z1 (Z.to_nat (z0 - 0) - k) (0 + Z.of_nat k)) _ _ _ _ _ _ 0 (Z.to_nat (z0 - 0))).
  - apply loop_range_1; try reflexivity; cbn [modulus]; lia.
  - split; [reflexivity|]. split; [eauto|]. rewrite Nat.sub_0_r. reflexivity.
  - intros k e s' Hk (-> & (a & b & c & ->) & Hr). cbn [setv].
    replace (Z.to_nat (z0 - 0) - k)%nat with (S (Z.to_nat (z0 - 0) - S k)) in Hr by lia.
    cbn [guard_from] in Hr. unfold in_guard in Hr. revert Hr. consts. intros Hr.
    rewrite Z.mul_1_r. steps.
    + rewrite C in Hr. rewrite Hr. finish.
    + rewrite C in Hr. split; [reflexivity|]. split; [eauto|]. rewrite Hr. f_equal. lia.
  - intros e s' (-> & (a & b & c & ->) & Hr). cbn [setv]. steps. rewrite Hr, Nat.sub_diag. finish.
Qed.
Lemma guard_of_same s t vm n ipa : cell t = cell s -> guard_of t vm n ipa = guard_of s vm n ipa.
Proof.
  intros E. unfold guard_of. generalize 0. induction (Z.to_nat n) as [|k IH]; intros i; cbn [guard_from]; [reflexivity|]. unfold in_guard.
  rewrite E, IH. reflexivity.
Qed.
Global Opaque guard_of.

Definition guard_add (vm ipa : Z) (s : state) : Z * state :=
  let n := cell s "vm_guards" vm in
  let at_ i := vm * GUARD_RANGES + i in
  if negb (guard_of s vm n ipa =? GUARD_RANGES) then (0, s) else
  let i := guard_of s vm n (wrap U64 (ipa - PAGE_BYTES)) in
  if negb (i =? GUARD_RANGES) then (0, setcell "guard_end" (at_ i) (ipa + PAGE_BYTES) s) else
  if GUARD_RANGES <=? n then (KCORE_ENOMEM, s) else
  (0, setcell "guard_end" (at_ n) (ipa + PAGE_BYTES) (setcell "vm_guards" vm (n + 1) (setcell "guard_base" (at_ n) ipa s))).
Definition guards_ok (s : state) (vm : Z) : bool := nth_vm vm && (0 <=? cell s "vm_guards" vm) && (cell s "vm_guards" vm <=? GUARD_RANGES).
Definition s_guard_add : prim state := fun args s =>
  match args with [vm; ipa] => pre held s && guards_ok s vm && (0 <=? ipa) && (ipa <? IPA_END) in Ok (guard_add vm ipa s) | _ => Stuck end.
Lemma guard_add_ok : meets (run (add L1 "guard_find" s_guard_find) f_guard_add) s_guard_add.
Proof.
  spec_open. unfold guard_add, guards_ok, nth_vm in *. consts. props.
  pose proof (guard_of_range s z (cell s "vm_guards" z) z0). pose proof (guard_of_range s z (cell s "vm_guards" z) (wrap U64 (z0 - 4096))).
  start f_guard_add. go.
Qed.

Definition guard_check (vm ipa : Z) (s : state) : bool :=
  let n := cell s "vm_guards" vm in (n =? 0) || negb (guard_of s vm n ipa =? GUARD_RANGES).
Definition s_guard_check : prim state := fun args s =>
  match args with [vm; ipa] => pre guards_ok s vm in Ok (b2z (guard_check vm ipa s), s) | _ => Stuck end.
Lemma guard_check_ok : meets (run (add L1 "guard_find" s_guard_find) f_guard_check) s_guard_check.
Proof.
  spec_open. unfold guard_check, guards_ok, nth_vm in *. consts. props. start f_guard_check. go.
Qed.

(* A page outside of the memory, in one section. *)
Definition inside_memory (vm ipa : Z) (s : state) : bool := (cell s "vm_mem_base" vm <=? ipa) && (ipa <? cell s "vm_mem_end" vm).
Definition s_guard_give : prim state := fun args s =>
  match args with
  | [vm; ipa] => pre nth_vm vm in
      if negb (paged ipa) || inside_memory vm ipa s || (IPA_END <=? ipa) then Ok (KCORE_EINVAL, s) else section (s_guard_add [vm; ipa]) s
  | _ => Stuck
  end.
Lemma guard_give_ok : meets (run (add L1 "guard_add" s_guard_add) f_guard_give) s_guard_give.
Proof. spec_open. unfold section, paged, inside_memory. consts. start f_guard_give. go. destruct (guard_add z z0 (sethold true s)) as [r t]. go. Qed.

Definition s_guard_allows : prim state := fun args s =>
  match args with
  | [vm; ipa] => pre guards_ok s vm && negb (held s) in Ok (b2z (inside_memory vm ipa s || guard_check vm ipa s), s)
  | _ => Stuck
  end.
Lemma guard_allows_ok : meets (run (add L1 "guard_check" s_guard_check) f_guard_allows) s_guard_allows.
Proof.
  spec_open. assert (G : guards_ok (sethold true s) z = true) by assumption. pose proof H as Gs. unfold guards_ok, nth_vm in Gs. consts. props.
  unfold inside_memory. start f_guard_allows. go. right. replace (sethold false (sethold true s)) with s by (destruct s; cbn in *; subst; reflexivity).
  unfold guard_check. rewrite (guard_of_same s (sethold true s)) by reflexivity. reflexivity.
Qed.

Definition guard_specs : list (string * prim state) := [
  ("guard_find", s_guard_find); ("guard_add", s_guard_add); ("guard_check", s_guard_check); ("guard_give", s_guard_give);
  ("guard_allows", s_guard_allows)].
Theorem guard_refines : refines eq m_guard L1 (extend L1 guard_specs).
Proof.
  apply module_meets. module_step guard_find_ok. module_step guard_add_ok. module_step guard_check_ok. module_step guard_give_ok.
  module_step guard_allows_ok. exact I.
Qed.
