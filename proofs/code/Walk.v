(* SPDX-License-Identifier: GPL-2.0-only *)
(* walk.c: where a table entry lies. *)
From KCore Require Import machine.Base code.Pool code.Pte gen.C_walk gen.Constants.
From KCore Require Export lang.Leading.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* Bytes that one entry of a level covers (D8.2): 1 GiB, 2 MiB, 4 KiB. *)
Definition covers (level : Z) : Z := if level =? 1 then 2 ^ 30 else if level =? 2 then 2 ^ 21 else 2 ^ 12.

Definition s_level_bytes : prim state := fun args s =>
  match args with [level] => Ok (covers level, s) | _ => Stuck end.

Lemma level_bytes_ok : meets (run L0 f_level_bytes) s_level_bytes.
Proof.
  spec_args. start f_level_bytes. unfold covers. steps; cbn [result]; rewrite ?C, ?C0; reflexivity.
Qed.

Definition root (s : state) (vm : Z) : Z := cell s "root_base" 0 + vm * 8192.
Definition roots_ok (s : state) (vm : Z) : bool :=
  (0 <=? vm) && (vm <? 256) && (0 <=? cell s "root_base" 0) && (cell s "root_base" 0 <? 2 ^ 40).

Definition s_s2_root : prim state := fun args s =>
  match args with [vm] => pre roots_ok s vm in Ok (root s vm, s) | _ => Stuck end.

Lemma s2_root_ok : meets (run L0 f_s2_root) s_s2_root.
Proof. spec_args. unfold roots_ok in P; props. start f_s2_root. steps. reflexivity. Qed.

(* VTTBR_EL2: the root, and the VMID in bits 63:48. *)
Definition s_s2_vttbr : prim state := fun args s =>
  match args with [vm] => pre roots_ok s vm in Ok (Z.lor (root s vm) (vm * 2 ^ 48), s) | _ => Stuck end.

Lemma s2_vttbr_ok : meets (run (add L0 "s2_root" s_s2_root) f_s2_vttbr) s_s2_vttbr.
Proof.
  spec_args. start f_s2_vttbr. steps. unfold s_s2_root. rewrite P. cbn [returns_to put setv].
  unfold roots_ok in P; props. steps. cbn [result].
  rewrite Z.shiftl_mul_pow2 by lia. rewrite wrap_small by (cbn [modulus]; lia). reflexivity.
Qed.

(* Offset in bytes of the IPA's entry: concatenated level 1 has 1024 entries, the others 512 (D8.2). *)
Definition index (ipa level : Z) : Z :=
  if level =? 1 then (ipa / 2 ^ 30) mod 1024 else if level =? 2 then (ipa / 2 ^ 21) mod 512 else (ipa / 2 ^ 12) mod 512.

Definition s_entry_offset : prim state := fun args s =>
  match args with
  | [ipa; level] => pre (0 <=? ipa) && (ipa <? 2 ^ 64) in Ok (index ipa level * 8, s)
  | _ => Stuck
  end.

Lemma field n z w : 0 <= n -> 0 <= w -> Z.land (Z.shiftr z n) (2 ^ w - 1) = (z / 2 ^ n) mod 2 ^ w.
Proof.
  intros Hn Hw. replace (2 ^ w - 1) with (Z.ones w) by (rewrite Z.ones_equiv; lia).
  rewrite Z.land_ones by lia. rewrite Z.shiftr_div_pow2 by lia. reflexivity.
Qed.

Lemma entry_offset_ok : meets (run L0 f_entry_offset) s_entry_offset.
Proof.
  spec_args. start f_entry_offset. unfold index.
  pose proof (field 30 z 10 ltac:(lia) ltac:(lia)) as A. pose proof (field 21 z 9 ltac:(lia) ltac:(lia)) as B.
  pose proof (field 12 z 9 ltac:(lia) ltac:(lia)) as D.
  change (2 ^ 10 - 1) with 1023 in A. change (2 ^ 9 - 1) with 511 in B, D.
  change (2 ^ 10) with 1024 in A. change (2 ^ 9) with 512 in B, D.
  pose proof (Z.mod_pos_bound (z / 2 ^ 30) 1024). pose proof (Z.mod_pos_bound (z / 2 ^ 21) 512).
  pose proof (Z.mod_pos_bound (z / 2 ^ 12) 512).
  steps; cbn [result]; rewrite ?C, ?C0, ?A, ?B, ?D; rewrite ?wrap_small by (cbn [modulus]; lia); reflexivity.
Qed.

(* A loop whose number of iterations is known, one by one. *)
Fixpoint wp_iter {St} (L : layer St) (n x : nat) (i step : Z) (body : stmt) (Q : post) (e : env) (s : St) : Prop :=
  match n with
  | O => Q (Ok (ONext, setv e x i, s))
  | S m => wp L body (fun r => match r with Ok (ONext, e', s') => wp_iter L m x (i + step) step body Q e' s' | r => Q r end)
             (setv e x i) s
  end.

Lemma wp_for_open {St} (L : layer St) x t a b step body v n Q e s :
  loop_range e t a b step = Some (v, n) -> wp_iter L n x v step body Q e s -> wp L (SFor x t a b step body) Q e s.
Proof.
  intros Hr. unfold wp; simpl. rewrite Hr. clear Hr. revert v e s.
  induction n as [|n IH]; intros v e s; simpl; auto.
  unfold wp. destruct (exec L body (setv e x v) s) as [[[[|w] e'] s']| |]; auto.
Qed.

Ltac open_loop i n := eapply (wp_for_open _ _ _ _ _ _ _ i n); [reflexivity|]; cbn [wp_iter].

Lemma b2z_zero b : (b2z b =? 0) = negb b.
Proof. destruct b; reflexivity. Qed.

(* ------------------------------------------------------------------ reading tables *)

Definition pte_address (pte : Z) : Z := Z.land pte PTE_ADDRESS.

Lemma pte_address_range p : 0 <= pte_address p <= PTE_ADDRESS.
Proof.
  unfold pte_address, PTE_ADDRESS. split; [apply Z.land_nonneg; right; lia|].
  apply Z.ldiff_le; [lia|]. rewrite Z.ldiff_land, <- Z.land_assoc, <- Z.ldiff_land, Z.ldiff_diag. apply Z.land_0_r.
Qed.
Lemma pte_address_8 p : pte_address p mod 8 = 0.
Proof.
  unfold pte_address. change 8 with (2 ^ 3). rewrite <- Z.land_ones by lia. rewrite <- Z.land_assoc. apply Z.land_0_r.
Qed.

(* PA of the entry of the level over the IPA; 0 when an entry above it is no table. *)
Definition entry_at (w : Z -> Z) (base ipa level : Z) : Z :=
  let e1 := base + index ipa 1 * 8 in
  if level =? 1 then e1
  else if negb (is_table (w e1)) then 0
  else let e2 := pte_address (w e1) + index ipa 2 * 8 in
       if level =? 2 then e2
       else if negb (is_table (w e2)) then 0 else pte_address (w e2) + index ipa 3 * 8.

Definition walk_ok (s : state) (vm ipa : Z) : bool :=
  roots_ok s vm && (cell s "root_base" 0 mod 8 =? 0) && (0 <=? ipa) && (ipa <? 2 ^ 64).

Definition s_s2_entry : prim state := fun args s =>
  match args with
  | [vm; ipa; level] => pre walk_ok s vm ipa && (1 <=? level) && (level <=? 3) in Ok (entry_at (word s) (root s vm) ipa level, s)
  | _ => Stuck
  end.

Lemma index_range ipa l : 0 <= index ipa l < 1024.
Proof.
  unfold index. pose proof (Z.mod_pos_bound (ipa / 2 ^ 30) 1024). pose proof (Z.mod_pos_bound (ipa / 2 ^ 21) 512).
  pose proof (Z.mod_pos_bound (ipa / 2 ^ 12) 512). destruct (l =? 1), (l =? 2); lia.
Qed.

Lemma plus_8 a i : a mod 8 = 0 -> (a + i * 8) mod 8 = 0.
Proof. intros H. rewrite Z_mod_plus_full. exact H. Qed.
Lemma root_8 s vm : cell s "root_base" 0 mod 8 = 0 -> root s vm mod 8 = 0.
Proof. intros H. unfold root. replace (vm * 8192) with (vm * 1024 * 8) by lia. apply plus_8, H. Qed.

Lemma entry_at_8 w base ipa l : base mod 8 = 0 -> entry_at w base ipa l mod 8 = 0.
Proof.
  intros H. unfold entry_at. cbn zeta. repeat match goal with |- context [if ?b then _ else _] => destruct b end;
    auto using plus_8, pte_address_8.
Qed.
Lemma entry_at_range w base ipa l : 0 <= base < 2 ^ 41 -> 0 <= entry_at w base ipa l < 2 ^ 42.
Proof.
  intros H. unfold entry_at. cbn zeta. pose proof (pte_address_range (w (base + index ipa 1 * 8))) as A.
  pose proof (pte_address_range (w (pte_address (w (base + index ipa 1 * 8)) + index ipa 2 * 8))) as B.
  pose proof (index_range ipa 1). pose proof (index_range ipa 2). pose proof (index_range ipa 3). unfold PTE_ADDRESS in A, B.
  repeat match goal with |- context [if ?b then _ else _] => destruct b end; lia.
Qed.

Definition L_walk : layer state :=
  add (add (add L0 "pte_is_table" s_pte_is_table) "s2_root" s_s2_root) "entry_offset" s_entry_offset.

Lemma s2_root_at s vm : roots_ok s vm = true -> s_s2_root [vm] s = Ok (root s vm, s).
Proof. intros H. unfold s_s2_root. rewrite H. reflexivity. Qed.
Lemma entry_offset_at s ipa l : 0 <= ipa < 2 ^ 64 -> s_entry_offset [ipa; l] s = Ok (index ipa l * 8, s).
Proof.
  intros H. unfold s_entry_offset. replace ((0 <=? ipa) && (ipa <? 2 ^ 64)) with true; [reflexivity|].
  symmetry. apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt. exact H.
Qed.
Lemma root_range s vm : roots_ok s vm = true -> 0 <= root s vm < 2 ^ 41.
Proof. unfold roots_ok, root. intros H. props. lia. Qed.

Lemma s2_entry_ok : meets (run L_walk f_s2_entry) s_s2_entry.
Proof.
  spec_args. unfold walk_ok in *. props. rename z into vm, z0 into ipa, z1 into level.
  assert (RO : roots_ok s vm = true) by assumption. pose proof (root_range s vm RO) as RR.
  assert (R8 : root s vm mod 8 = 0) by (apply root_8; assumption).
  pose proof (index_range ipa 1) as I1. pose proof (index_range ipa 2) as I2. pose proof (index_range ipa 3) as I3.
  assert (A1 : (root s vm + index ipa 1 * 8) mod 8 = 0) by (apply plus_8; assumption).
  unfold entry_at. cbn zeta. set (p1 := word s (root s vm + index ipa 1 * 8)).
  pose proof (pte_address_range p1) as B1. unfold PTE_ADDRESS in B1.
  assert (A2 : (pte_address p1 + index ipa 2 * 8) mod 8 = 0) by (apply plus_8, pte_address_8).
  set (p2 := word s (pte_address p1 + index ipa 2 * 8)).
  pose proof (pte_address_range p2) as B2. unfold PTE_ADDRESS in B2.
  unfold L_walk. start f_s2_entry.
  do 2 step. rewrite s2_root_at by assumption. cbn [returns_to put setv].
  do 3 step. rewrite entry_offset_at by lia. cbn [returns_to put setv]. step.
  assert (HL : level = 1 \/ level = 2 \/ level = 3) by lia.
  destruct HL as [-> | [-> | ->]]; apply wp_seq; [open_loop 1 0%nat | open_loop 1 1%nat | open_loop 1 2%nat].
  - steps. cbn [result Z.eqb Pos.eqb]. reflexivity.
  - step. step. fold p1. step. unfold s_pte_is_table at 1. cbn [returns_to put setv]. steps; rewrite b2z_zero in C.
    + cbn [result Z.eqb Pos.eqb]. rewrite C. reflexivity.
    + steps. change (Z.land p1 1099511623680) with (pte_address p1) in *. change (1 + 1) with 2 in *. rewrite entry_offset_at by lia. cbn [returns_to put setv wp_iter]. steps.
      cbn [result Z.eqb Pos.eqb]. rewrite C. reflexivity.
  - step. step. fold p1. step. unfold s_pte_is_table at 1. cbn [returns_to put setv]. steps; rewrite b2z_zero in C.
    + cbn [result Z.eqb Pos.eqb]. rewrite C. reflexivity.
    + steps. change (Z.land p1 1099511623680) with (pte_address p1) in *. change (1 + 1) with 2 in *. rewrite entry_offset_at by lia. cbn [returns_to put setv wp_iter].
      step. step. fold p2. step. unfold s_pte_is_table at 1. cbn [returns_to put setv]. steps; rewrite b2z_zero in C0.
      * cbn [result Z.eqb Pos.eqb]. rewrite C, C0. reflexivity.
      * steps. change (Z.land p2 1099511623680) with (pte_address p2) in *. change (2 + 1) with 3 in *. rewrite entry_offset_at by lia. cbn [returns_to put setv wp_iter]. steps.
        cbn [result Z.eqb Pos.eqb]. rewrite C, C0. reflexivity.
Qed.
Lemma s2_entry_at s vm ipa l : walk_ok s vm ipa = true -> 1 <= l <= 3 ->
  s_s2_entry [vm; ipa; l] s = Ok (entry_at (word s) (root s vm) ipa l, s).
Proof.
  intros H L. unfold s_s2_entry. rewrite H. replace (1 <=? l) with true by (symmetry; apply Z.leb_le; lia).
  replace (l <=? 3) with true by (symmetry; apply Z.leb_le; lia). reflexivity.
Qed.

Definition s_s2_level : prim state := fun args s =>
  match args with
  | [vm; ipa] => pre walk_ok s vm ipa in
      Ok (if negb (entry_at (word s) (root s vm) ipa 3 =? 0) then 3
          else if negb (entry_at (word s) (root s vm) ipa 2 =? 0) then 2 else 1, s)
  | _ => Stuck
  end.

Lemma s2_level_ok : meets (run (add L0 "s2_entry" s_s2_entry) f_s2_level) s_s2_level.
Proof.
  spec_args. start f_s2_level. do 2 step. rewrite s2_entry_at by (auto; lia). cbn [returns_to put setv].
  steps; rewrite C; [reflexivity|]. rewrite s2_entry_at by (auto; lia). cbn [returns_to put setv].
  steps; rewrite C0; reflexivity.
Qed.

Definition s_s2_load : prim state := fun args s =>
  match args with
  | [vm; ipa; level] => pre walk_ok s vm ipa && (1 <=? level) && (level <=? 3) in
      let e := entry_at (word s) (root s vm) ipa level in Ok (if e =? 0 then 0 else word s e, s)
  | _ => Stuck
  end.

Lemma walk_root s vm ipa : walk_ok s vm ipa = true -> root s vm mod 8 = 0 /\ 0 <= root s vm < 2 ^ 41.
Proof.
  unfold walk_ok. intros H. props. split; [apply root_8; assumption|apply root_range; assumption].
Qed.

Lemma s2_load_ok : meets (run (add L0 "s2_entry" s_s2_entry) f_s2_load) s_s2_load.
Proof.
  spec_args. rename z into vm, z0 into ipa, z1 into level. destruct (walk_root s vm ipa) as [R8 RR]; [assumption|].
  pose proof (entry_at_8 (word s) (root s vm) ipa level R8) as E8.
  start f_s2_load. do 2 step. rewrite s2_entry_at by (auto; lia). cbn [returns_to put setv]. cbn zeta.
  steps; cbn [result]; rewrite C; reflexivity.
Qed.

(* The 512 entries of a table. *)
Fixpoint no_valid (w : Z -> Z) (table : Z) (n : nat) : bool :=
  match n with O => true | S k => no_valid w table k && (Z.land (w (table + Z.of_nat k * 8)) 1 =? 0) end.

Lemma no_valid_spec w table n :
  no_valid w table n = true <-> forall k, 0 <= k < Z.of_nat n -> Z.land (w (table + k * 8)) 1 = 0.
Proof.
  induction n as [|n IH]; cbn [no_valid].
  - split; auto. intros _ k ?; lia.
  - rewrite andb_true_iff, IH, Z.eqb_eq. split.
    + intros [H1 H2] k Hk. destruct (Z.eq_dec k (Z.of_nat n)) as [->|]; [auto|]. apply H1; lia.
    + intros H; split; [intros k Hk|]; apply H; lia.
Qed.
Lemma no_valid_not w table n k : (k < n)%nat -> Z.land (w (table + Z.of_nat k * 8)) 1 <> 0 -> no_valid w table n = false.
Proof.
  intros Hk H. destruct (no_valid w table n) eqn:E; [|reflexivity]. destruct H. apply (proj1 (no_valid_spec w table n) E). lia.
Qed.

Definition block_base (ipa : Z) : Z := Z.land ipa 0xffffffffffe00000.

Definition s_s2_table_empty : prim state := fun args s =>
  match args with
  | [vm; ipa] => pre walk_ok s vm ipa in
      Ok (b2z (no_valid (word s) (entry_at (word s) (root s vm) (block_base ipa) 3) words), s)
  | _ => Stuck
  end.

Lemma block_base_range ipa : 0 <= ipa < 2 ^ 64 -> 0 <= block_base ipa < 2 ^ 64.
Proof.
  intros H. unfold block_base. split; [apply Z.land_nonneg; left; lia|].
  pose proof (Z.ldiff_le (Z.land ipa 0xffffffffffe00000) ipa ltac:(lia)) as X. apply Z.le_lt_trans with ipa; [|lia].
  apply X. rewrite Z.ldiff_land. apply Z.bits_inj'. intros n Hn. rewrite !Z.land_spec, Z.lnot_spec, Z.bits_0 by lia.
  destruct (Z.testbit ipa n), (Z.testbit 0xffffffffffe00000 n); reflexivity.
Qed.

Lemma s2_table_empty_ok : meets (run (add L0 "s2_entry" s_s2_entry) f_s2_table_empty) s_s2_table_empty.
Proof.
  spec_args. rename z into vm, z0 into ipa. destruct (walk_root s vm ipa) as [R8 RR]; [assumption|].
  assert (BR : 0 <= ipa < 2 ^ 64) by (unfold walk_ok in P; props; lia). pose proof (block_base_range ipa BR) as BB.
  assert (W : walk_ok s vm (block_base ipa) = true).
  { unfold walk_ok in *. apply andb_true_iff in P as [P _]. apply andb_true_iff in P as [P _]. rewrite P. cbn [andb].
    apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. exact BB. }
  pose proof (entry_at_8 (word s) (root s vm) (block_base ipa) 3 R8) as E8.
  pose proof (entry_at_range (word s) (root s vm) (block_base ipa) 3 RR) as ER.
  rewrite words_eq. start f_s2_table_empty.
  do 2 step. change (Z.land ipa (18446744073709551615 - (2097152 - 1))) with (block_base ipa).
  rewrite s2_entry_at by (auto; lia). cbn [returns_to put setv].
  set (table := entry_at (word s) (root s vm) (block_base ipa) 3) in *. apply wp_seq.
  eapply (wp_for0 _ (fun k e s' => s' = s /\ (exists a b, e = [Some vm; Some ipa; Some table; a; b]) /\
    no_valid (word s) table k = true)); try reflexivity.
  - cbn [modulus]; lia.
  - repeat split; eauto.
  - intros k e s' _ Hk (-> & (a & b & ->) & Hn). cbn [setv]. pose proof (plus_8 table (Z.of_nat k) E8) as K8.
    steps; cbn [result].
    + props. rewrite (no_valid_not _ _ _ k); [reflexivity|lia|lia].
    + props. repeat split; eauto. cbn [no_valid]. rewrite Hn. apply Z.eqb_eq. lia.
  - intros e s' (-> & (a & b & ->) & Hn). cbn [setv]. steps. cbn [result]. rewrite Hn. reflexivity.
Qed.

(* How many entries there are behind the IPA's in its group. *)
Definition behind (n : Z) : nat := Z.to_nat (PTE_GROUP - 1 - n mod PTE_GROUP).

Definition s_s2_vacant : prim state := fun args s =>
  match args with
  | [vm; ipa; level] => pre walk_ok s vm ipa && (1 <=? level) && (level <=? 3) in
      let e := entry_at (word s) (root s vm) ipa level in
      Ok (leading (fun k => Z.land (word s (e + k * 8)) 1 =? 0) 0 (behind (index ipa level)), s)
  | _ => Stuck
  end.

Lemma s2_vacant_ok : meets (run (add (add L0 "s2_entry" s_s2_entry) "entry_offset" s_entry_offset) f_s2_vacant) s_s2_vacant.
Proof.
  spec_args. rename z into vm, z0 into ipa, z1 into level. destruct (walk_root s vm ipa) as [R8 RR]; [assumption|].
  assert (BR : 0 <= ipa < 2 ^ 64) by (unfold walk_ok in *; props; lia).
  pose proof (entry_at_8 (word s) (root s vm) ipa level R8) as E8. pose proof (entry_at_range (word s) (root s vm) ipa level RR) as ER.
  start f_s2_vacant. do 2 step. rewrite s2_entry_at by (auto; lia). cbn [returns_to put setv].
  do 3 step. rewrite entry_offset_at by lia. cbn [returns_to put setv].
  set (e := entry_at (word s) (root s vm) ipa level) in *. set (n := index ipa level).
  pose proof (Z.mod_pos_bound n 128 ltac:(lia)) as M.
  assert (Bh : Z.of_nat (behind n) = 127 - n mod 128) by (unfold behind, PTE_GROUP; lia).
  assert (An : Z.land (n * 8 / 8) (128 - 1) = n mod 128).
  { rewrite Z.div_mul by lia. change (128 - 1) with (Z.ones 7). apply Z.land_ones. lia. }
  do 3 step. rewrite An. replace (128 - 1 - n mod 128) with (Z.of_nat (behind n)) by lia. step. apply wp_seq.
  eapply (wp_for0 _ (fun k e' s' => s' = s /\ (exists a b, e' = [Some vm; Some ipa; Some level; Some e; Some (n * 8);
    Some (Z.of_nat (behind n)); a; b]) /\
    leading (fun j => Z.land (word s (e + j * 8)) 1 =? 0) 0 (behind n) =
    leading (fun j => Z.land (word s (e + j * 8)) 1 =? 0) (Z.of_nat k) (behind n - k))); try reflexivity.
  - cbn [modulus]. lia.
  - split; [reflexivity|]. split; [eauto|]. rewrite Nat.sub_0_r. reflexivity.
  - intros k e' s' _ Hk (-> & (a & b & ->) & Hn). cbn [setv]. pose proof (plus_8 e (Z.of_nat k) E8) as K8.
    replace (behind n - k)%nat with (S (behind n - S k)) in Hn by lia. cbn [leading] in Hn.
    steps; cbn [result]; rewrite Hn.
    + rewrite (proj2 (Z.eqb_neq _ _)) by (props; assumption). reflexivity.
    + rewrite (proj2 (Z.eqb_eq _ _)) by (props; assumption). split; [reflexivity|]. split; [eauto|]. f_equal. lia.
  - intros e' s' (-> & (a & b & ->) & Hn). cbn [setv]. steps. cbn [result]. rewrite Hn.
    replace (behind n - _)%nat with 0%nat by lia. cbn [leading]. f_equal. f_equal. lia.
Qed.

Definition walk_specs : list (string * prim state) := [
  ("level_bytes", s_level_bytes); ("s2_root", s_s2_root); ("s2_vttbr", s_s2_vttbr); ("entry_offset", s_entry_offset);
  ("s2_entry", s_s2_entry); ("s2_level", s_s2_level); ("s2_load", s_s2_load); ("s2_vacant", s_s2_vacant);
  ("s2_table_empty", s_s2_table_empty)].

Example index_last : index (2 ^ 40 - 1) 1 = 1023 /\ index (2 ^ 40 - 1) 2 = 511 /\ index (2 ^ 40 - 1) 3 = 511.
Proof. repeat split. Qed.

Theorem walk_refines : refines eq m_walk (extend L0 pte_specs) (extend L0 (pte_specs ++ walk_specs)).
Proof.
  change (extend L0 (pte_specs ++ walk_specs)) with (extend (extend L0 pte_specs) walk_specs). apply module_meets.
  module_step level_bytes_ok. module_step s2_root_ok. module_step s2_vttbr_ok. module_step entry_offset_ok.
  module_step s2_entry_ok. module_step s2_level_ok. module_step s2_load_ok. module_step s2_vacant_ok.
  module_step s2_table_empty_ok. exact I.
Qed.
