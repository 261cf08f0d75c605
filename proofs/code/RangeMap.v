(* SPDX-License-Identifier: GPL-2.0-only *)
(* range.c: mapping and dropping, one section each; VM_MAP. *)
From KCore Require Import code.Calls code.Transfer code.Range gen.C_range.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Ltac pre_true ::=
  first [ assumption |
  unfold aligned, context_ok, word64, nth_vm, roots_ok, pages_ok, small, stage2_ok, nr_pages; cbv delta [KCORE_NR_VMS];
  repeat match goal with |- (_ && _) = true => apply andb_true_iff; split end; one_true ].
Ltac preconditions P ::=
  unfold word64, nth_vm, roots_ok, pages_ok, small, stage2_ok, nr_pages in P; cbv delta [KCORE_NR_VMS] in P; props.

Definition map_leaf (vm ipa pa level prot : Z) (s : state) : res (Z * state) :=
  let pages := covers level / PAGE_BYTES in
  let i := record_of s pa pages in
  pre regions_ok s && word64 pa && nth_vm vm in
  if negb (normal s vm =? 0) then Ok (normal s vm, s) else
  let* (r, s) := s_map_check [pa; covers level; prot] s in
  if negb (r =? 0) then Ok (r, s) else
  let* (r, s) := s_map_prepare [vm; ipa; level] s in
  if negb (r =? 0) then Ok (r, s) else
  let* (_, s) := (if negb (i =? NO_PAGE) then s_pages_map 1 [i; pages] s else Ok (0, s)) in
  pre held s in
  let* (_, s) := h_s2_set [vm; ipa; level; leaf_word pa prot level] (bump "vm_pages" 64 vm 1 s) in
  Ok (0, s).
Definition s_map_leaf : prim state := fun args s =>
  match args with [vm; ipa; pa; level; prot] => map_leaf vm ipa pa level prot s | _ => Stuck end.
Lemma map_leaf_ok :
  meets (run (add (add (add (add (add L1 "range_in_dram" s_range_in_dram) "pages_map_add" (s_pages_map 1))
    "normal_check" s_normal_check) "map_check" s_map_check) "map_prepare" s_map_prepare) f_map_leaf) s_map_leaf.
Proof.
  spec_open. unfold map_leaf, bump. consts. start f_map_leaf. spec_next. go. all: rewrite !wrap_mod by lia; go.
Qed.

(* One section: the bytes that the entry covers, plus 1 if there was a leaf; or an error. *)
Definition drop (vm ipa : Z) (s : state) : res (Z * state) :=
  if normal s vm =? 0 then
    let* (level, s) := h_s2_level [vm; ipa] s in
    let* (r, s) := s_leaf_drop [vm; ipa; level] s in
    Ok (wrap U64 (r + covers level), s)
  else Ok (normal s vm, s).
Definition s_range_drop : prim state := fun args s =>
  match args with [vm; ipa] => pre nth_vm vm in section (drop vm ipa) s | _ => Stuck end.
Lemma range_drop_ok :
  meets (run (add (add L1 "leaf_drop" s_leaf_drop) "normal_check" s_normal_check) f_range_drop) s_range_drop.
Proof. spec_open. unfold section, drop. consts. start f_range_drop. go. Qed.

Definition s_map_try : prim state := fun args s =>
  match args with [vm; ipa; pa; level; prot] => section (s_map_leaf [vm; ipa; pa; level; prot]) s | _ => Stuck end.
Lemma map_try_ok : meets (run (add L1 "map_leaf" s_map_leaf) f_map_try) s_map_try.
Proof. spec_open. unfold section. start f_map_try. go. Qed.

(* Behind the entry of this many bytes, plus 1 perhaps. *)
Definition even (r : Z) : Z := Z.land r (modulus U64 - 1 - 1).
Definition behind (at_ bytes : Z) : Z := wrap U64 (down at_ bytes + bytes).

Fixpoint clear_loop (n : nat) (vm fin at_ : Z) (s : state) : res (Z * state) :=
  match n with
  | O => Ok (0, s)
  | S m =>
      let* (r, s) := s_range_drop [vm; at_] s in
      if KCORE_ERR_MIN <=? r then Ok (r, s) else
      if fin <=? behind at_ (even r) then Ok (0, s) else clear_loop m vm fin (behind at_ (even r)) s
  end.
Definition s_map_clear : prim state := fun args s =>
  match args with [vm; ipa; bytes] => clear_loop (count 512) vm (wrap U64 (ipa + bytes)) ipa s | _ => Stuck end.

(* An iteration: the specification goes on with one step less. *)
Ltac one_less E :=
  match type of E with _ = ?F (count ?w - ?k)%nat _ _ _ _ =>
    rewrite E; replace (count w - k)%nat with (S (count w - S k)) by lia
  | _ = ?F (count ?w - ?k)%nat _ _ _ _ _ =>
    rewrite E; replace (count w - k)%nat with (S (count w - S k)) by lia
  end.
Lemma map_clear_ok : meets (run (add L1 "range_drop" s_range_drop) f_map_clear) s_map_clear.
Proof.
  spec_open. start f_map_clear. go.
  eapply (wp_times _ (fun k e s' => exists at_ a b, e = [Some z; Some z0; Some z1; Some at_; a; b] /\
    clear_loop (count 512) z (wrap U64 (z0 + z1)) z0 s = clear_loop (count 512 - k) z (wrap U64 (z0 + z1)) at_ s'));
    try reflexivity.
  - cbn [modulus]; lia.
  - do 3 eexists. split; [reflexivity|]. rewrite Nat.sub_0_r. reflexivity.
  - intros k e s' Hn Hk (at_ & a & b & -> & E). one_less E. cbn [setv clear_loop]. unfold behind, down, even. consts. go.
    do 3 eexists. split; reflexivity.
  - intros e s' (at_ & a & b & -> & E). rewrite E, Nat.sub_diag. cbn [setv clear_loop]. go.
Qed.

Definition hc_map (vm ipa pa bytes prot : Z) (s : state) : res (Z * state) :=
  let level := if bytes =? PAGE_BYTES then 3 else 2 in
  if (vm =? HOST) || (KCORE_NR_VMS <=? vm) || (negb (bytes =? PAGE_BYTES) && negb (bytes =? BLOCK_BYTES)) then Ok (KCORE_EINVAL, s) else
  if negb (Z.land (Z.lor ipa pa) (bytes - 1) =? 0) || (IPA_END <=? ipa) || (IPA_END <=? pa) || (15 <? prot)
  then Ok (KCORE_EINVAL, s) else
  let* (r, s) := s_map_try [vm; ipa; pa; level; prot] s in
  if negb (r =? KCORE_EAGAIN) then Ok (r, s) else
  let* (r, s) := s_map_clear [vm; ipa; bytes] s in
  if negb (r =? 0) then Ok (r, s) else s_map_try [vm; ipa; pa; level; prot] s.
Definition s_hc_vm_map : prim state := fun args s =>
  match args with [vm; ipa; pa; bytes; prot] => hc_map vm ipa pa bytes prot s | _ => Stuck end.
Lemma hc_vm_map_ok :
  meets (run (add (add L1 "map_try" s_map_try) "map_clear" s_map_clear) f_hc_vm_map) s_hc_vm_map.
Proof. spec_open. unfold hc_map. consts. start f_hc_vm_map. go. Qed.

Definition bad (vm ipa bytes : Z) : bool := (vm =? HOST) || (KCORE_NR_VMS <=? vm) || outside ipa bytes.
Definition s_range_bad : prim state := fun args s =>
  match args with [vm; ipa; bytes] => pre word64 ipa in Ok (b2z (bad vm ipa bytes), s) | _ => Stuck end.
Lemma range_bad_ok : meets (run L1 f_range_bad) s_range_bad.
Proof.
  spec_open. unfold bad. rewrite outside_eq by lia. consts. start f_range_bad. steps; cbn [ends result]; right.
  - rewrite <- !orb_assoc in *. destruct (z =? 0), (256 <=? z), (negb _); try discriminate; reflexivity.
  - rewrite !orb_assoc. rewrite <- !orb_assoc in C0. rewrite <- !orb_assoc, C0, !orb_true_r. reflexivity.
  - rewrite !orb_assoc, C. cbn [orb]. rewrite C0. reflexivity.
Qed.


Definition range_map_specs : list (string * prim state) := [
  ("map_leaf", s_map_leaf); ("range_drop", s_range_drop); ("map_try", s_map_try); ("map_clear", s_map_clear);
  ("hc_vm_map", s_hc_vm_map); ("range_bad", s_range_bad)].
Definition L_range_map : layer state := extend (extend L_range transfer_specs) range_specs.
Theorem range_map_refines :
  refines eq (firstn 6 (skipn 3 m_range)) L_range_map (extend L_range_map range_map_specs).
Proof.
  apply module_meets. cbn [firstn skipn m_range]. module_step map_leaf_ok. module_step range_drop_ok. module_step map_try_ok.
  module_step map_clear_ok. module_step hc_vm_map_ok. module_step range_bad_ok. exact I.
Qed.
