(* SPDX-License-Identifier: GPL-2.0-only *)
(* walk.c: where a table entry lies.  s2_entry and s2_level are not proved yet. *)
From KCore Require Import machine.Base gen.C_walk gen.Constants.
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

Definition walk_specs : list (string * prim state) := [
  ("level_bytes", s_level_bytes); ("s2_root", s_s2_root); ("s2_vttbr", s_s2_vttbr); ("entry_offset", s_entry_offset)].

Example index_last : index (2 ^ 40 - 1) 1 = 1023 /\ index (2 ^ 40 - 1) 2 = 511 /\ index (2 ^ 40 - 1) 3 = 511.
Proof. repeat split. Qed.

(* The part of walk.c that does not read tables. *)
Theorem walk_refines : refines eq (firstn 4 m_walk) L0 (extend L0 walk_specs).
Proof.
  apply module_meets. cbn [firstn m_walk].
  module_step level_bytes_ok. module_step s2_root_ok. module_step s2_vttbr_ok. module_step entry_offset_ok. exact I.
Qed.
