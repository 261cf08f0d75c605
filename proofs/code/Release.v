(* SPDX-License-Identifier: GPL-2.0-only *)
(* regs.c, the exit of a protected guest: what the host sees is the release of the top machine (top/Guest.v, exit_filter). *)
From KCore Require Import code.Context code.Inject code.Regs code.Guard gen.C_regs.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* From the registers in the context. *)
Definition released (vcpu esr far hpfar : Z) (s : state) : Guest.release :=
  let vm := vcpu / KCORE_VM_VCPUS in
  Guest.exit_filter (cell s "vm_mem_base" vm) (cell s "vm_mem_end" vm) esr far hpfar (words_of (cell s "vcpu_context" vcpu) s).
Definition show (vcpu : Z) (rel : Guest.release) (s : state) : state :=
  put_words (cell s "vcpu_page" vcpu) (Guest.exit_page rel) s.
Definition is_abort (esr : Z) : bool := (Guest.ec esr =? Guest.EC_IABT) || (Guest.ec esr =? Guest.EC_DABT).

(* Outside of the memory range: an empty one. *)
Definition outside (vcpu esr : Z) (s : state) : Guest.release :=
  Guest.exit_filter 0 0 esr 0 0 (words_of (cell s "vcpu_context" vcpu) s).
Definition s_abort_outside : prim state := fun args s =>
  match args with
  | [vcpu; esr] => pre vcpu_ok s vcpu && word64 esr && is_abort esr in
      let rel := outside vcpu esr s in
      Ok (Guest.r_pending rel, put_words (cell s "vcpu_page" vcpu) (Guest.r_regs rel) s)
  | _ => Stuck
  end.

Lemma class_ec esr : 0 <= esr -> (Z.shiftr esr 26 =? 32) || (Z.shiftr esr 26 =? 36) = true ->
  (Z.land esr 4227858432 =? 2147483648) = (Z.shiftr esr 26 =? 32).
Proof.
  intros H E.
  assert (A : Z.land esr 4227858432 = Z.shiftl (Z.land (Z.shiftr esr 26) 63) 26).
  { change 4227858432 with (Z.shiftl 63 26). apply Z.bits_inj'. intros n Hn.
    rewrite Z.land_spec, !Z.shiftl_spec, Z.land_spec by exact Hn.
    destruct (Z.ltb_spec n 26).
    - rewrite !(Z.testbit_neg_r _ (n - 26)) by lia. rewrite andb_false_r. reflexivity.
    - rewrite Z.shiftr_spec by lia. replace (n - 26 + 26) with n by lia. reflexivity. }
  rewrite A. apply orb_true_iff in E. rewrite !Z.eqb_eq in E. destruct E as [E|E]; rewrite E; reflexivity.
Qed.

(* A stage-2 abort that the guest takes itself. *)
Definition abort_hidden (vcpu hpfar : Z) (s : state) : bool :=
  let vm := vcpu / KCORE_VM_VCPUS in
  negb (inside_memory vm (Guest.hpfar_ipa hpfar) s || guard_check vm (Guest.hpfar_ipa hpfar) s).
Definition s_guest_abort : prim state := fun args s =>
  match args with
  | [vcpu; esr; far; hpfar] => pre vcpu_ok s vcpu && word64 esr && is_abort esr && guards_ok s (vcpu / KCORE_VM_VCPUS) && negb (held s) in
      let context := cell s "vcpu_context" vcpu in
      if abort_hidden vcpu hpfar s then Ok (1, put_live context (Guest.take_exception (live context s) (Guest.guard_syndrome esr) far) s) else Ok (0, s)
  | _ => Stuck
  end.
Definition L_abort : layer state := add (add L1 "guard_allows" s_guard_allows) "guest_exception" s_guest_exception.
Lemma guest_abort_ok : meets (run L_abort f_guest_abort) s_guest_abort.
Proof.
  spec_args. contexts.
  match goal with H : is_abort z0 = true |- _ => pose proof H as A; unfold is_abort in A end.
  unfold abort_hidden, Guest.hpfar_ipa, Guest.guard_syndrome. guest_bits. change KCORE_VM_VCPUS with 16 in *.
  assert (K : (Z.land z0 4227858432 =? 2147483648) = (Z.shiftr z0 26 =? 32)).
  { apply class_ec; [|assumption]. unfold word64 in *. props. lia. }
  pose proof (land_bound z2 1099511627760 ltac:(lia)). pose proof (land_bound z0 64 ltac:(lia)).
  assert (0 <= Z.shiftl (Z.land z2 1099511627760) 8 < 2 ^ 64) by (rewrite Z.shiftl_mul_pow2; lia).
  match goal with |- context [inside_memory ?v ?i ?s || guard_check ?v ?i ?s] => destruct (inside_memory v i s || guard_check v i s) eqn:Eb end;
    start f_guest_abort; hide; steps; rewrite ?Eb, ?K in *; cbn [b2z Z.eqb] in *; try discriminate; finish.
Qed.

Definition L_outside : layer state := add L_access_mask "release_register" s_release_register.

Ltac abort_class z A :=
  match goal with H : is_abort z = true |- _ => pose proof H as A; unfold is_abort in A end.

Lemma abort_outside_ok : meets (run L_outside f_abort_outside) s_abort_outside.
Proof.
  spec_args. contexts. abort_class z0 A. unfold outside, Guest.exit_filter. guest_bits. rewrite A.
  assert (K : (Z.land z0 4227858432 =? 2147483648) = (Z.shiftr z0 26 =? 32)).
  { apply class_ec; [|assumption]. unfold word64 in *. props. lia. }
  pose proof (land_bound (Z.shiftr z0 16) 31 ltac:(lia)).
  start f_abort_outside. hide. steps; rewrite ?K in *; finish.
Qed.

Definition s_release_abort : prim state := fun args s =>
  match args with
  | [vcpu; esr; far; hpfar] => pre vcpu_ok s vcpu && word64 esr && is_abort esr in
      let rel := released vcpu esr far hpfar s in Ok (Guest.r_pending rel, show vcpu rel s)
  | _ => Stuck
  end.

Lemma vm_of_range vcpu : 0 <= vcpu < 4096 -> 0 <= vcpu / 16 < 256.
Proof. intros H. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia]. Qed.

Lemma release_abort_ok : meets (run (add L1 "abort_outside" s_abort_outside) f_release_abort) s_release_abort.
Proof.
  spec_args. contexts. abort_class z0 A.
  unfold show, Guest.exit_page, released, outside, Guest.exit_filter, KCORE_VM_VCPUS in *.
  guest_bits. rewrite A.
  pose proof (land_bound z2 1099511627760 ltac:(lia)).
  assert (0 <= Z.shiftl (Z.land z2 1099511627760) 8 < 2 ^ 64) by (rewrite Z.shiftl_mul_pow2; lia).
  pose proof (vm_of_range z ltac:(assumption)).
  start f_release_abort. hide.
  steps; reveal; conds; try reflexivity.
  unfold outside, Guest.exit_filter. guest_bits. rewrite A, ?negb_involutive. goal_numbers. cbn [andb].
  repeat match goal with |- context [if ?b then _ else _] => destruct b end;
    cbn [Guest.r_pending Guest.r_regs Guest.r_esr Guest.r_far Guest.r_hpfar]; rewrite ?put_words_app; reflexivity.
Qed.

Definition s_release_other : prim state := fun args s =>
  match args with
  | [vcpu; esr] => pre vcpu_ok s vcpu && word64 esr && negb (is_abort esr) in
      let rel := released vcpu esr 0 0 s in Ok (Guest.r_pending rel, show vcpu rel s)
  | _ => Stuck
  end.

Lemma release_other_ok : meets (run (add L1 "release_register" s_release_register) f_release_other) s_release_other.
Proof.
  spec_args. contexts.
  match goal with H : is_abort _ = false |- _ => pose proof H as A; unfold is_abort in A end.
  unfold show, Guest.exit_page, released, Guest.exit_filter. guest_bits. rewrite A.
  pose proof (land_bound (Z.shiftr z0 5) 31 ltac:(lia)).
  start f_release_other. hide.
  steps; reveal; conds; cbn [Guest.r_pending Guest.r_regs Guest.r_esr Guest.r_far Guest.r_hpfar]; rewrite ?put_words_app; reflexivity.
Qed.

Lemma pending_small base end_ esr far hpfar R : 0 <= Guest.r_pending (Guest.exit_filter base end_ esr far hpfar R) < 2 ^ 32.
Proof.
  unfold Guest.exit_filter. repeat match goal with |- context [if ?b then _ else _] => destruct b end; cbn; names; lia.
Qed.

Definition s_exit_release : prim state := fun args s =>
  match args with
  | [vcpu; esr; far; hpfar] => pre vcpu_ok s vcpu && word64 esr && word64 far in
      let rel := released vcpu esr far hpfar s in
      Ok (0, setcell "vcpu_pending" vcpu (Guest.r_pending rel) (setcell "vcpu_far" vcpu far (setcell "vcpu_esr" vcpu esr
               (show vcpu rel s))))
  | _ => Stuck
  end.

Definition L_release : layer state := add (add L1 "release_abort" s_release_abort) "release_other" s_release_other.

Lemma released_other vcpu esr far hpfar s : is_abort esr = false -> released vcpu esr far hpfar s = released vcpu esr 0 0 s.
Proof. unfold is_abort, released, Guest.exit_filter. intros ->. reflexivity. Qed.

Lemma exit_release_ok : meets (run L_release f_exit_release) s_exit_release.
Proof.
  spec_args. contexts.
  match goal with E : word64 z0 = true, F : word64 z1 = true |- _ =>
    pose proof E as E'; pose proof F as F'; unfold word64 in E', F'; props end.
  destruct (is_abort z0) eqn:A; pose proof A as A'; unfold is_abort in A'; guest_bits; start f_exit_release; hide; steps; reveal;
    rewrite !(Z.mod_small (Guest.r_pending _)) by apply pending_small; [|rewrite (released_other z z0 z1 z2 s A)]; reflexivity.
Qed.

Definition regs_specs : list (string * prim state) := [
  ("enter_allowed", s_enter_allowed); ("access_mask", s_access_mask); ("mmio_value", s_mmio_value);
  ("guest_advance", s_guest_advance); ("guest_exception", s_guest_exception); ("guest_undefined", s_guest_undefined);
  ("guest_abort", s_guest_abort); ("enter_apply", s_enter_apply); ("release_register", s_release_register); ("abort_outside", s_abort_outside);
  ("release_abort", s_release_abort); ("release_other", s_release_other); ("exit_release", s_exit_release)].

(* All of regs.c over inject.c. *)
Definition L_inject : layer state := extend (extend L1 guard_specs) inject_specs.
Theorem regs_refines : refines eq m_regs L_inject (extend L_inject regs_specs).
Proof.
  apply module_meets.
  module_step enter_allowed_ok. module_step access_mask_ok. module_step mmio_value_ok. module_step guest_advance_ok.
  module_step guest_exception_ok. module_step guest_undefined_ok. module_step guest_abort_ok. module_step enter_apply_ok. module_step release_register_ok.
  module_step abort_outside_ok. module_step release_abort_ok. module_step release_other_ok. module_step exit_release_ok.
  exact I.
Qed.
