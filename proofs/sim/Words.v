(* SPDX-License-Identifier: GPL-2.0-only *)
(* The descriptor that pte.c makes of a page and rights says the page and the rights. *)
From KCore Require Import machine.Map code.Bits pt.Bits.
From KCore Require Import top.State sim.Rel.
Local Open Scope Z_scope.

Lemma leaf_word_split pa prot l : leaf_word pa prot l = Z.lor (Z.land pa PTE_ADDRESS) (leaf_word 0 prot l).
Proof. unfold leaf_word. rewrite Z.land_0_l, Z.lor_0_l, !Z.lor_assoc. reflexivity. Qed.

Ltac sixteen prot H :=
  assert (prot = 0 \/ prot = 1 \/ prot = 2 \/ prot = 3 \/ prot = 4 \/ prot = 5 \/ prot = 6 \/ prot = 7 \/ prot = 8 \/ prot = 9 \/ prot
    = 10 \/
    prot = 11 \/ prot = 12 \/ prot = 13 \/ prot = 14 \/ prot = 15) as H by lia;
  repeat (destruct H as [H|H]; [subst prot|]); [..|subst prot].

Lemma leaf_word_page pa prot l : 0 <= prot < 16 -> l = 2 \/ l = 3 -> Z.land (leaf_word pa prot l) PTE_ADDRESS = Z.land pa PTE_ADDRESS.
Proof.
  intros H L. rewrite leaf_word_split, Z.land_lor_distr_l, <- Z.land_assoc, Z.land_diag.
  replace (Z.land (leaf_word 0 prot l) PTE_ADDRESS) with 0; [apply Z.lor_0_r|]. sixteen prot E; destruct L as [-> | ->]; reflexivity.
Qed.

Lemma leaf_word_ok p prot l : 0 <= p < 268435456 -> 0 <= prot < 16 -> l = 2 \/ l = 3 -> (l = 2 -> p mod 512 = 0) ->
  leaf_ok (leaf_word (p * PAGE_BYTES) prot l) l = true /\ pte_page (leaf_word (p * PAGE_BYTES) prot l) = p.
Proof.
  intros P H L M. assert (Ad : Z.land (p * PAGE_BYTES) PTE_ADDRESS = p * PAGE_BYTES).
  { apply address_page; unfold PAGE_BYTES; [lia|apply Z_mod_mult]. }
  split; [|unfold pte_page; rewrite leaf_word_page, Ad by auto; apply Z.div_mul; discriminate].
  rewrite leaf_word_split, Ad. set (y := leaf_word 0 prot l).
  assert (Y : 0 <= y < 2 ^ 55 /\ Z.land y 3 = (if l =? 3 then 3 else 1) /\ Z.land y 0x1ff000 = 0).
  { unfold y. clear - H L. sixteen prot E; destruct L as [-> | ->]; (split; [split; [discriminate|reflexivity]|]); split; reflexivity. }
  destruct Y as (Y1 & Y2 & Y3). clearbody y.
  assert (B : 0 <= Z.lor (p * PAGE_BYTES) y < 2 ^ 55) by (apply lor_bound; auto; unfold PAGE_BYTES; lia).
  assert (A3 : Z.land (p * PAGE_BYTES) 3 = 0).
  { rewrite pt.Bits.land3. unfold PAGE_BYTES. replace (p * 4096) with (p * 1024 * 4) by lia. apply Z_mod_mult. }
  unfold leaf_ok. rewrite !Z.land_lor_distr_l, A3, Y2, Y3. apply andb_true_iff. split; [apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt;
    exact B|].
  destruct L as [-> | ->]; cbn [Z.eqb Pos.eqb Z.lor].
  - assert (E : Z.land (p * PAGE_BYTES) 0x1ff000 = 0).
    { specialize (M eq_refl). apply Z.div_exact in M; [|lia]. rewrite M. change 0x1ff000 with (Z.land 0x1ff000 (Z.ones 21)).
      rewrite (Z.land_comm 0x1ff000), Z.land_assoc, Z.land_ones by lia.
      replace (512 * (p / 512) * PAGE_BYTES) with (p / 512 * 2 ^ 21) by (unfold PAGE_BYTES; lia). rewrite Z_mod_mult. reflexivity. }
    rewrite E. reflexivity.
  - reflexivity.
Qed.

Lemma entry_of_word p prot l : 0 <= p < 268435456 -> 0 <= prot < 16 -> l = 2 \/ l = 3 -> (l = 2 -> p mod 512 = 0) ->
  entry_of (leaf_word (p * PAGE_BYTES) prot l) = Some (mkleaf p prot).
Proof.
  intros P H L M. destruct (leaf_word_ok p prot l P H L M) as [O E]. unfold entry_of.
  rewrite (proj2 (Z.eqb_neq _ _) (leaf_ok_nonzero _ _ O)), E, prot_of_leaf by lia. reflexivity.
Qed.

Lemma prot_of_range e : 0 <= prot_of e < 16.
Proof.
  unfold prot_of. destruct (has e PTE_READ), (has e PTE_WRITE), (has e 0x40000000000000), (Z.land e 0x3c =? 4); split; vm_compute;
    congruence.
Qed.
Lemma prot_writable e : writable (prot_of e) = negb (Z.land e PTE_WRITE =? 0).
Proof.
  unfold prot_of. change (negb (Z.land e PTE_WRITE =? 0)) with (has e PTE_WRITE).
  destruct (has e PTE_READ), (has e PTE_WRITE), (has e 0x40000000000000), (Z.land e 0x3c =? 4); reflexivity.
Qed.
Lemma prot_read_only e : Z.land (prot_of e) (modulus U64 - 1 - KCORE_PROT_W) = Z.ldiff (prot_of e) KCORE_PROT_W /\
  0 <= Z.ldiff (prot_of e) KCORE_PROT_W < 16.
Proof.
  unfold prot_of. destruct (has e PTE_READ), (has e PTE_WRITE), (has e 0x40000000000000), (Z.land e 0x3c =? 4); (split; [reflexivity|]);
    split; vm_compute; congruence.
Qed.
Lemma device_eq prot : 0 <= prot < 16 -> negb (Z.land prot KCORE_PROT_DEVICE =? 0) = device prot.
Proof. intros H. sixteen prot E; reflexivity. Qed.
