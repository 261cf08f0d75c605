(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The hardware's stage-2 walk (Arm ARM DDI 0487, D8.2 and D8.3): 4 KiB granule, for any list of levels.  It knows words
 * only.  The walk of our tables is the map of layer L1.
 *)
From KCore Require Export pt.Split.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* A level: the lowest bit of its index and the number of index bits; whether a block may end the walk there. *)
Record lookup_level := mklevel { shift : Z; index_bits : Z; block_allowed : bool }.

(* 40-bit IPA, two concatenated level-1 tables; 48-bit IPA, four levels. *)
Definition levels_40 : list lookup_level := [mklevel 30 10 true; mklevel 21 9 true; mklevel 12 9 false].
Definition levels_48 : list lookup_level := [mklevel 39 9 false; mklevel 30 9 true; mklevel 21 9 true; mklevel 12 9 false].

(* What a walk gives: output address, S2AP, XN, memory attributes, shareability; or a fault. *)
Record translation := mktrans { oa : Z; s2ap : Z; xn : Z; memattr : Z; sh : Z }.
Inductive outcome := Mapped (x : translation) | Fault.

Definition field (d low bits : Z) : Z := (d / 2 ^ low) mod 2 ^ bits.

(* A block or page descriptor (D8.3.2): without the access flag the access faults. *)
Definition leaf_outcome (d ipa sh0 : Z) : outcome :=
  if field d 10 1 =? 0 then Fault
  else Mapped (mktrans (Z.land d PTE_ADDRESS / 2 ^ sh0 * 2 ^ sh0 + ipa mod 2 ^ sh0) (field d 6 2) (field d 53 2) (field d 2 4) (field d 8 2)).

Fixpoint walk (w : Z -> Z) (ls : list lookup_level) (base ipa : Z) : outcome :=
  match ls with
  | [] => Fault
  | l :: r =>
      let d := w (base + field ipa (shift l) (index_bits l) * 8) in
      if Z.testbit d 0 then
        match r with
        | [] => if Z.testbit d 1 then leaf_outcome d ipa (shift l) else Fault        (* 0b01 is reserved at level 3 *)
        | _ => if Z.testbit d 1 then walk w r (Z.land d PTE_ADDRESS) ipa
               else if block_allowed l then leaf_outcome d ipa (shift l) else Fault
        end
      else Fault
  end.

(* The same from the map. *)
Definition map_outcome (t : state) (vm ipa : Z) : outcome :=
  if negb (leaf t vm 3 (page ipa) =? 0) then leaf_outcome (leaf t vm 3 (page ipa)) ipa 12
  else if negb (leaf t vm 2 (block ipa) =? 0) then leaf_outcome (leaf t vm 2 (block ipa)) ipa 21
  else Fault.

Lemma bit0 d k : Z.land d 3 = k -> Z.testbit d 0 = Z.testbit k 0.
Proof. intros <-. rewrite Z.land_spec. cbn [Z.testbit]. rewrite andb_true_r. reflexivity. Qed.
Lemma bit1 d k : Z.land d 3 = k -> Z.testbit d 1 = Z.testbit k 1.
Proof. intros <-. rewrite Z.land_spec. change (Z.testbit 3 1) with true. rewrite andb_true_r. reflexivity. Qed.
Lemma table_desc_low p : p mod 4096 = 0 -> Z.land (table_desc p) 3 = 3.
Proof. intros H. pose proof (table_desc_is p H) as X. apply Z.eqb_eq in X. exact X. Qed.

(* Hardware that walks the words finds what the map says, for every VM and every IPA. *)
Lemma walk_map own t w vm ipa : maps_ok own t w -> 0 <= vm < 256 -> 0 <= ipa < 2 ^ 40 ->
  walk w levels_40 (root t vm) ipa = map_outcome t vm ipa.
Proof.
  intros W V IR. pose proof (gib_range ipa IR) as G. pose proof (block_range ipa IR) as B. pose proof (page_range ipa IR) as PR.
  assert (V2 : valid 2 vm (block ipa)) by (apply valid2; auto). assert (V3 : valid 3 vm (page ipa)) by (apply valid3; auto).
  assert (F1 : field ipa 30 10 = gib ipa) by (unfold field; change (2 ^ 10) with 1024; apply Z.mod_small; exact G).
  assert (F2 : field ipa 21 9 = block ipa mod 512) by reflexivity.
  assert (F3 : field ipa 12 9 = page ipa mod 512) by reflexivity.
  assert (P1 : present t 1 vm (gib ipa)) by (split; [apply valid1; auto|apply (base_root W); exact V]).
  pose proof (r_word _ _ _ W _ _ _ P1) as W1. unfold addr, tbase, up, slot, val in W1. cbn [Z.eqb Pos.eqb] in W1.
  unfold levels_40, map_outcome. cbn [walk shift index_bits block_allowed]. cbn zeta. rewrite F1, F2, F3, W1.
  destruct (Z.eqb_spec (s1 t vm (gib ipa)) 0) as [N1|N1].
  - change (Z.testbit 0 0) with false. cbn iota. destruct (r_none2 _ _ _ W vm (block ipa) V2) as [T0 ->]; [rewrite block_gib; exact N1|].
    rewrite (r_none3 _ _ _ W vm (page ipa) V3); [reflexivity|]. rewrite page_block. exact T0.
  - destruct (s1_page _ _ _ _ _ W V G N1) as ((TR & TM & _) & _).
    rewrite (bit0 _ _ (table_desc_low _ TM)), (bit1 _ _ (table_desc_low _ TM)). change (Z.testbit 3 0) with true.
    change (Z.testbit 3 1) with true. cbn iota. rewrite table_desc_address by (auto; lia).
    assert (P2 : present t 2 vm (block ipa)) by (split; [exact V2|unfold tbase, up; cbn [Z.eqb Pos.eqb]; rewrite block_gib; exact N1]).
    pose proof (r_word _ _ _ W _ _ _ P2) as W2. unfold addr, tbase, up, slot, val in W2. cbn [Z.eqb Pos.eqb] in W2. rewrite block_gib in W2.
    rewrite W2. destruct (Z.eqb_spec (tab t vm (block ipa)) 0) as [N2|N2].
    + rewrite (r_none3 _ _ _ W vm (page ipa) V3) by (rewrite page_block; exact N2). cbn [Z.eqb negb].
      destruct (r_leaf2 _ _ _ W vm (block ipa) V2) as [->|F]; [reflexivity|].
      pose proof (leaf_ok_nonzero _ _ F) as NZ. apply Z.eqb_neq in NZ. rewrite NZ. cbn [negb].
      unfold leaf_ok in F. cbn [Z.eqb Pos.eqb] in F. props.
      match goal with X : Z.land _ 3 = 1 |- _ => rewrite (bit0 _ _ X), (bit1 _ _ X) end. reflexivity.
    + destruct (tab_page _ _ _ _ _ W V B N2) as ((TR2 & TM2 & _) & _).
      rewrite (bit0 _ _ (table_desc_low _ TM2)), (bit1 _ _ (table_desc_low _ TM2)). change (Z.testbit 3 0) with true.
      change (Z.testbit 3 1) with true. cbn iota. rewrite table_desc_address by (auto; lia).
      assert (P3 : present t 3 vm (page ipa)) by (split; [exact V3|unfold tbase, up; cbn [Z.eqb Pos.eqb]; rewrite page_block; exact N2]).
      pose proof (r_word _ _ _ W _ _ _ P3) as W3. unfold addr, tbase, up, slot, val in W3. cbn [Z.eqb Pos.eqb] in W3. rewrite page_block in W3.
      rewrite W3, (r_block _ _ _ W vm (block ipa) V2 N2). cbn [Z.eqb negb].
      destruct (r_leaf3 _ _ _ W vm (page ipa) V3) as [->|F]; [reflexivity|].
      pose proof (leaf_ok_nonzero _ _ F) as NZ. apply Z.eqb_neq in NZ. rewrite NZ. cbn [negb].
      unfold leaf_ok in F. cbn [Z.eqb Pos.eqb] in F. props.
      match goal with X : Z.land _ 3 = 3 |- _ => rewrite (bit0 _ _ X), (bit1 _ _ X) end. reflexivity.
Qed.

Theorem walk_is_map s t vm ipa : R s t -> 0 <= vm < 256 -> 0 <= ipa < 2 ^ 40 ->
  walk (word s) levels_40 (root s vm) ipa = map_outcome t vm ipa.
Proof.
  intros ((Ec & _) & _ & own & W). replace (root s vm) with (root t vm) by (unfold root; rewrite Ec; reflexivity). eapply walk_map; eauto.
Qed.

(* Two walks by hand: our levels with a page, four levels with a block; S2AP 3, XN 0, Normal write-back, inner shareable. *)
Definition words_of (l : list (Z * Z)) (a : Z) : Z := fold_right (fun p r => if fst p =? a then snd p else r) 0 l.
Example walk_page :
  walk (words_of [(0x1008, 0x2003); (0x2008, 0x3003); (0x3008, 0x80007ff)]) levels_40 0x1000 0x40201234 =
  Mapped (mktrans 0x8000234 3 0 15 3).
Proof. vm_compute. reflexivity. Qed.
Example walk_block_and_hole :
  let w := words_of [(0x1000, 0x2003); (0x2008, 0x3003); (0x3008, 0x402007fd)] in
  walk w levels_48 0x1000 0x40234567 = Mapped (mktrans 0x40234567 3 0 15 3) /\ walk w levels_48 0x1000 0x40434567 = Fault /\
  walk w levels_48 0x1000 0x40034567 = Fault.
Proof. vm_compute. auto. Qed.
