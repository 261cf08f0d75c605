(* SPDX-License-Identifier: GPL-2.0-only *)
(* regs.c: the register filter of protected VMs.  The specifications are the definitions of the top machine (top/Guest.v). *)
From KCore Require Import code.Context code.Inject gen.C_regs.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition s_enter_allowed : prim state := fun args s =>
  match args with [pending; esr; flags] => Ok (b2z (Guest.enter_allowed pending esr flags), s) | _ => Stuck end.

Lemma enter_allowed_ok : meets (run L1 f_enter_allowed) s_enter_allowed.
Proof.
  spec_args. unfold Guest.enter_allowed. guest_bits. names. start f_enter_allowed. hide.
  steps; reveal; numbers; conds; reflexivity.
Qed.

Definition s_access_mask : prim state := fun args s =>
  match args with [esr] => Ok (Guest.access_mask esr, s) | _ => Stuck end.

Lemma access_mask_cases z : Guest.access_mask z = 0xff \/ Guest.access_mask z = 0xffff \/
  Guest.access_mask z = 0xffffffff \/ Guest.access_mask z = 0xffffffffffffffff.
Proof.
  unfold Guest.access_mask, Guest.field. destruct (land3 (Z.shiftr z 22)) as [E|[E|[E|E]]]; rewrite E; cbn; tauto.
Qed.

Lemma access_mask_ok : meets (run L1 f_access_mask) s_access_mask.
Proof.
  spec_args. unfold Guest.access_mask. guest_bits. start f_access_mask. hide.
  destruct (land3 (Z.shiftr z 22)) as [E|[E|[E|E]]]; steps; reveal; rewrite E in *; try discriminate; reflexivity.
Qed.

Definition s_mmio_value : prim state := fun args s =>
  match args with [esr; value] => Ok (Guest.mmio_value esr value, s) | _ => Stuck end.

Definition L_access_mask : layer state := add L1 "access_mask" s_access_mask.

Lemma mmio_value_ok : meets (run L_access_mask f_mmio_value) s_mmio_value.
Proof.
  spec_args. unfold Guest.mmio_value. guest_bits. start f_mmio_value. hide.
  steps; reveal; destruct (access_mask_cases z) as [E|[E|[E|E]]]; rewrite E in *; numbers; conds; reflexivity.
Qed.

Definition s_guest_advance : prim state := fun args s =>
  match args with
  | [context] => pre ctx_ok s context in Ok (0, put_words context (Guest.advance (words_of context s)) s)
  | _ => Stuck
  end.

Lemma guest_advance_ok : meets (run L1 f_guest_advance) s_guest_advance.
Proof. spec_args. contexts. start f_guest_advance. hide. steps. reveal. reflexivity. Qed.

Definition s_release_register : prim state := fun args s =>
  match args with
  | [vcpu; rt; mask] =>
      let context := cell s "vcpu_context" vcpu in let page := cell s "vcpu_page" vcpu in
      pre vcpu_ok s vcpu && (0 <=? rt) && (rt <? 32) in
      Ok (0, put_words page (Guest.one_register (words_of context s) rt mask) s)
  | _ => Stuck
  end.

Lemma release_register_ok : meets (run L1 f_release_register) s_release_register.
Proof.
  spec_args. contexts. unfold Guest.one_register. start f_release_register. hide.
  steps; finish.
Qed.

Definition s_guest_exception : prim state := fun args s =>
  match args with
  | [context; esr; far] => pre ctx_ok s context in
      Ok (0, put_live context (Guest.take_exception (live context s) esr far) s)
  | _ => Stuck
  end.
Definition L_exception : layer state := add (add (add L1
  "exception_vector" s_exception_vector) "exception_pstate" s_exception_pstate) "exception_take" s_exception_take.

Lemma guest_exception_ok : meets (run L_exception f_guest_exception) s_guest_exception.
Proof.
  spec_args. contexts. unfold Guest.take_exception. guest_bits. start f_guest_exception. hide.
  steps; reveal; live_words; conds; reflexivity.
Qed.

Definition s_guest_undefined : prim state := fun args s =>
  match args with
  | [context] => pre ctx_ok s context in
      Ok (0, put_live context (Guest.take_exception (live context s) Guest.ESR_IL 0) s)
  | _ => Stuck
  end.

Lemma guest_undefined_ok : meets (run (add L1 "guest_exception" s_guest_exception) f_guest_undefined) s_guest_undefined.
Proof. spec_args. start f_guest_undefined. hide. steps. reveal. reflexivity. Qed.

(* What the host asked for, and was allowed to: the last exit of the vCPU and the register in its page decide. *)
Definition live_kept (vcpu : Z) (s : state) : Z -> Z := fun k =>
  if k =? State.W_KEPT then cell s "vcpu_far" vcpu else live (cell s "vcpu_context" vcpu) s k.
Definition s_enter_apply : prim state := fun args s =>
  match args with
  | [vcpu; flags] =>
      let esr := cell s "vcpu_esr" vcpu in
      let value := words_of (cell s "vcpu_page" vcpu) s (Guest.field esr 16 31) in
      pre vcpu_ok s vcpu in
      Ok (0, put_live (cell s "vcpu_context" vcpu)
               (Guest.enter_writes (cell s "vcpu_pending" vcpu) esr flags value (live_kept vcpu s))
               (setcell "vcpu_pending" vcpu PENDING_NONE s))
  | _ => Stuck
  end.

Definition L_enter : layer state := add (add (add (add L1
  "mmio_value" s_mmio_value) "guest_advance" s_guest_advance) "guest_exception" s_guest_exception)
  "guest_undefined" s_guest_undefined.

Lemma enter_apply_ok : meets (run L_enter f_enter_apply) s_enter_apply.
Proof.
  spec_args. contexts. unfold Guest.enter_writes. guest_bits. names.
  pose proof (land_bound (Z.shiftr (cell s "vcpu_esr" z) 16) 31 ltac:(lia)).
  start f_enter_apply. hide. steps; reveal; conds; try reflexivity.
  rewrite Z.eqb_neq in *. cbv beta iota delta [Guest.advance app]. live_words.
  replace (34 <=? _) with false by (symmetry; apply Z.leb_gt; lia). cbn [andb]. unfold live_kept. live_words.
  read_words. reflexivity.
Qed.
