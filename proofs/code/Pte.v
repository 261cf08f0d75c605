(* SPDX-License-Identifier: GPL-2.0-only *)
(* pte.c: stage-2 descriptors. *)
From KCore Require Import machine.Base gen.C_pte gen.Constants.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition word64 (z : Z) : bool := (0 <=? z) && (z <? 2 ^ 64).

Definition is_table (pte : Z) : bool := Z.land pte 3 =? 3.

Definition s_pte_is_table : prim state := fun args s =>
  match args with [pte] => Ok (b2z (is_table pte), s) | _ => Stuck end.

Lemma pte_is_table_ok : meets (run L0 f_pte_is_table) s_pte_is_table.
Proof.
  spec_args. start f_pte_is_table. unfold is_table.
  change 3 with (Z.lor 1 2). steps; cbn [result]; rewrite C; reflexivity.
Qed.

(* A bit or a field where the condition holds. *)
Definition when (c : bool) (v : Z) : Z := if c then v else 0.
Definition has (v m : Z) : bool := negb (Z.land v m =? 0).

Definition leaf_word (pa prot level : Z) : Z :=
  Z.lor (Z.lor (Z.lor (Z.lor (Z.lor
    (Z.lor (Z.lor (Z.lor (Z.land pa PTE_ADDRESS) 0x400) 0x300) PTE_VALID)   (* access flag, inner shareable *)
    (if has prot KCORE_PROT_DEVICE then 0x4 else 0x3c))                     (* Device-nGnRE or Normal write-back *)
    (when (has prot KCORE_PROT_R) PTE_READ))
    (when (has prot KCORE_PROT_W) PTE_WRITE))
    (if has prot KCORE_PROT_X then 0 else 0x40000000000000))                (* XN *)
    (when (level =? 3) PTE_TABLE).

Definition s_pte_leaf : prim state := fun args s =>
  match args with [pa; prot; level] => Ok (leaf_word pa prot level, s) | _ => Stuck end.

Lemma pte_leaf_ok : meets (run L0 f_pte_leaf) s_pte_leaf.
Proof. spec_args. start f_pte_leaf. steps. reflexivity. Qed.

(* KCORE_PROT_* of a leaf. *)
Definition prot_of (pte : Z) : Z :=
  Z.lor (Z.lor (Z.lor (Z.lor 0 (when (has pte PTE_READ) KCORE_PROT_R))
    (when (has pte PTE_WRITE) KCORE_PROT_W))
    (if has pte 0x40000000000000 then 0 else KCORE_PROT_X))
    (when (Z.land pte 0x3c =? 4) KCORE_PROT_DEVICE).

Definition s_pte_prot : prim state := fun args s =>
  match args with [pte] => Ok (prot_of pte, s) | _ => Stuck end.

Lemma pte_prot_ok : meets (run L0 f_pte_prot) s_pte_prot.
Proof. spec_args. start f_pte_prot. steps. reflexivity. Qed.

(* What was asked for is what the leaf says: no right is lost or gained on the way. *)
Lemma prot_of_leaf pa prot level : 0 <= prot < 16 -> prot_of (leaf_word pa prot level) = prot.
Proof.
  intros H. unfold prot_of.
  assert (A : forall m, Z.land PTE_ADDRESS m = 0 ->
    Z.land (leaf_word pa prot level) m = Z.land (leaf_word 0 prot level) m).
  { intros m Hm. unfold leaf_word. rewrite !Z.land_lor_distr_l.
    rewrite <- Z.land_assoc, Hm, Z.land_0_r, Z.land_0_l. reflexivity. }
  unfold has. rewrite !A by reflexivity.
  assert (E : prot = 0 \/ prot = 1 \/ prot = 2 \/ prot = 3 \/ prot = 4 \/ prot = 5 \/ prot = 6 \/
    prot = 7 \/ prot = 8 \/ prot = 9 \/ prot = 10 \/ prot = 11 \/ prot = 12 \/ prot = 13 \/
    prot = 14 \/ prot = 15) by lia.
  repeat (destruct E as [->|E]); [..|subst prot]; unfold leaf_word; destruct (level =? 3); reflexivity.
Qed.

Definition pte_specs : list (string * prim state) := [
  ("pte_is_table", s_pte_is_table); ("pte_leaf", s_pte_leaf); ("pte_prot", s_pte_prot)].

Theorem pte_refines : refines eq m_pte L0 (extend L0 pte_specs).
Proof.
  apply module_meets.
  module_step pte_is_table_ok. module_step pte_leaf_ok. module_step pte_prot_ok. exact I.
Qed.

Example leaf_host_page : leaf_word 0x40001000 7 3 = 0x400017ff.
Proof. reflexivity. Qed.
Example leaf_device_block : leaf_word 0x8000000 11 2 = 0x400000080007c5.
Proof. reflexivity. Qed.
