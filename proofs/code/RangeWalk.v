(* SPDX-License-Identifier: GPL-2.0-only *)
(* range.c: VM_UNMAP, VM_AGE, VM_WRPROTECT. *)
From KCore Require Import code.Calls code.Transfer code.Range code.RangeMap gen.C_range.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The leaves dropped (0, 1: some), AGAIN or another error; x1 is the IPA reached. *)
Fixpoint unmap_loop (n : nat) (vm fin dropped at_ : Z) (s : state) : res (Z * state) :=
  match n with
  | O => Ok (KCORE_EAGAIN, s)
  | S m =>
      let* (r, s) := s_range_drop [vm; at_] s in
      if KCORE_ERR_MIN <=? r then Ok (r, s) else
      let dropped := Z.lor dropped (Z.land r 1) in
      let at_ := behind at_ (even r) in
      let s := setreg "host_x" 1 at_ s in
      if fin <=? at_ then Ok (dropped, s) else unmap_loop m vm fin dropped at_ s
  end.
Definition RANGE_STEPS : Z := 1024.
Definition s_range_unmap : prim state := fun args s =>
  match args with
  | [vm; ipa; bytes] => pre word64 ipa in
      if bad vm ipa bytes then Ok (KCORE_EINVAL, s) else unmap_loop (count RANGE_STEPS) vm (wrap U64 (ipa + bytes)) 0 ipa s
  | _ => Stuck
  end.
Lemma range_unmap_ok :
  meets (run (add (add L1 "range_drop" s_range_drop) "range_bad" s_range_bad) f_range_unmap) s_range_unmap.
Proof.
  spec_open. unfold RANGE_STEPS. consts. start f_range_unmap. go.
  eapply (wp_times _ (fun k e s' => exists at_ dropped a b,
    e = [Some z; Some at_; Some z1; Some (wrap U64 (z0 + z1)); Some dropped; a; b] /\
    unmap_loop (count 1024) z (wrap U64 (z0 + z1)) 0 z0 s = unmap_loop (count 1024 - k) z (wrap U64 (z0 + z1)) dropped at_ s'));
    try reflexivity.
  - cbn [modulus]; lia.
  - do 4 eexists. split; [reflexivity|]. rewrite Nat.sub_0_r. reflexivity.
  - intros k e s' Hn Hk (at_ & d & a & b & -> & E). one_less E. cbn [setv unmap_loop]. unfold behind, down, even. consts. go.
    do 4 eexists. split; reflexivity.
  - intros e s' (at_ & d & a & b & -> & E). rewrite E, Nat.sub_diag. cbn [setv unmap_loop]. go.
Qed.

Definition s_hc_vm_unmap : prim state := fun args s =>
  match args with
  | [vm; ipa; bytes] =>
      let* (r, s) := s_range_unmap [vm; ipa; bytes] s in Ok ((if KCORE_ERR_MIN <=? r then r else 0), s)
  | _ => Stuck
  end.
Lemma hc_vm_unmap_ok : meets (run (add L1 "range_unmap" s_range_unmap) f_hc_vm_unmap) s_hc_vm_unmap.
Proof. spec_open. consts. start f_hc_vm_unmap. go. Qed.
Lemma hc_vm_age_ok : meets (run (add L1 "range_unmap" s_range_unmap) f_hc_vm_age) s_range_unmap.
Proof.
  intros args s. destruct args as [|vm [|ipa [|bytes [|x args]]]]; try (left; reflexivity).
  start f_hc_vm_age. go.
Qed.

(* The leaf over the IPA comes back without write access, in sections: look, drop, map. *)
Definition look (vm ipa : Z) (s : state) : res (Z * Z * Z * state) :=
  let r := normal s vm in
  let* (level, s) := h_s2_level [vm; ipa] s in
  let* (pte, s) := h_s2_load [vm; ipa; level] s in
  pre held s in Ok (r, level, pte, sethold false s).
Definition wrprotect_one (vm ipa : Z) (s : state) : res (Z * state) :=
  pre negb (held s) && nth_vm vm in
  let* (r, level, pte, s) := look vm ipa (sethold true s) in
  if negb (r =? 0) then Ok (r, s) else
  if (Z.land pte PTE_VALID =? 0) || (Z.land pte PTE_WRITE =? 0) then Ok (covers level, s) else
  let* (r, s) := s_range_drop [vm; ipa] s in
  if KCORE_ERR_MIN <=? r then Ok (r, s) else
  let prot := Z.land (prot_of pte) (modulus U64 - 1 - KCORE_PROT_W) in
  let* (r, s) := s_map_try [vm; down ipa (covers level); Z.land pte PTE_ADDRESS; level; prot] s in
  Ok ((if r =? KCORE_EAGAIN then r else covers level), s).
Definition s_wrprotect_one : prim state := fun args s =>
  match args with [vm; ipa] => wrprotect_one vm ipa s | _ => Stuck end.
Lemma wrprotect_one_ok :
  meets (run (add (add (add L1 "normal_check" s_normal_check) "range_drop" s_range_drop) "map_try" s_map_try) f_wrprotect_one)
    s_wrprotect_one.
Proof. spec_open. unfold wrprotect_one, look, down. consts. start f_wrprotect_one. spec_next. go. Qed.

Fixpoint protect_loop (n : nat) (vm fin at_ : Z) (s : state) : res (Z * state) :=
  match n with
  | O => Ok (KCORE_EAGAIN, s)
  | S m =>
      let* (r, s) := s_wrprotect_one [vm; at_] s in
      if KCORE_ERR_MIN <=? r then Ok (r, s) else
      let s := setreg "host_x" 1 (behind at_ r) s in
      if fin <=? behind at_ r then Ok (0, s) else protect_loop m vm fin (behind at_ r) s
  end.
Definition s_hc_vm_wrprotect : prim state := fun args s =>
  match args with
  | [vm; ipa; bytes] => pre word64 ipa in
      if bad vm ipa bytes then Ok (KCORE_EINVAL, s) else
      protect_loop (count RANGE_STEPS) vm (wrap U64 (ipa + bytes)) ipa (setreg "host_x" 1 ipa s)
  | _ => Stuck
  end.
Lemma hc_vm_wrprotect_ok :
  meets (run (add (add L1 "range_bad" s_range_bad) "wrprotect_one" s_wrprotect_one) f_hc_vm_wrprotect) s_hc_vm_wrprotect.
Proof.
  spec_open. unfold RANGE_STEPS. consts. start f_hc_vm_wrprotect. go.
  eapply (wp_times _ (fun k e s' => exists at_ a b, e = [Some z; Some at_; Some z1; Some (wrap U64 (z0 + z1)); a; b] /\
    protect_loop (count 1024) z (wrap U64 (z0 + z1)) z0 (setreg "host_x" 1 z0 s) =
    protect_loop (count 1024 - k) z (wrap U64 (z0 + z1)) at_ s')); try reflexivity.
  - cbn [modulus]; lia.
  - do 3 eexists. split; [reflexivity|]. rewrite Nat.sub_0_r. reflexivity.
  - intros k e s' Hn Hk (at_ & a & b & -> & E). one_less E. cbn [setv protect_loop]. unfold behind, down. consts. go.
    do 3 eexists. split; reflexivity.
  - intros e s' (at_ & a & b & -> & E). rewrite E, Nat.sub_diag. cbn [setv protect_loop]. go.
Qed.

Definition range_walk_specs : list (string * prim state) := [
  ("range_unmap", s_range_unmap); ("hc_vm_unmap", s_hc_vm_unmap); ("hc_vm_age", s_range_unmap);
  ("wrprotect_one", s_wrprotect_one); ("hc_vm_wrprotect", s_hc_vm_wrprotect)].
Definition L_range_walk : layer state := extend L_range_map range_map_specs.
Theorem range_walk_refines :
  refines eq (firstn 5 (skipn 9 m_range)) L_range_walk (extend L_range_walk range_walk_specs).
Proof.
  apply module_meets. cbn [firstn skipn m_range]. module_step range_unmap_ok. module_step hc_vm_unmap_ok.
  module_step hc_vm_age_ok. module_step wrprotect_one_ok. module_step hc_vm_wrprotect_ok. exact I.
Qed.
