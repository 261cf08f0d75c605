(* SPDX-License-Identifier: GPL-2.0-only *)
(* gpsci.c: trapped registers of a protected guest. *)
From KCore Require Import code.Context code.Idreg code.Inject code.Regs code.Release code.Cpu code.Gpsci code.GuestHvc gen.C_gpsci.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* Registers that read as zero and ignore writes: debug, ACTLR_EL1, AIDR_EL1, cache maintenance by set and way. *)
Definition is_debug (reg : Z) : bool :=
  (Z.shiftr reg 20 =? 2) && ((Guest.field reg 14 7 =? 0) || (Guest.field reg 14 7 =? 3)) && (Guest.field reg 10 15 <? 8).
Definition raz_wi (reg : Z) : bool :=
  is_debug reg || (reg =? 0x320400) || (reg =? 0x3e4000) || ((Z.shiftr reg 20 =? 1) && (Guest.field reg 10 15 =? 7)).
Definition s_sysreg_raz_wi : prim state := fun args s => match args with [reg] => Ok (b2z (raz_wi reg), s) | _ => Stuck end.
Lemma sysreg_raz_wi_ok : meets (run L1 f_sysreg_raz_wi) s_sysreg_raz_wi.
Proof. spec_args. unfold raz_wi, is_debug. guest_bits. start f_sysreg_raz_wi. hide. steps; finish. Qed.

(* A trapped register, as the syndrome names it: op0, op2, op1, CRn, CRm. *)
Definition sysreg (esr : Z) : Z := Z.land esr 0x3ffc1e.
Definition ICC_SGI1R : Z := 0x3a3016. Definition ICC_ASGI1R : Z := 0x3c3016. Definition ICC_SGI0R : Z := 0x3e3016.
Definition ICC_SRE : Z := 0x3a3018.
Definition is_read (esr : Z) : bool := Guest.bit_of esr 1.

(* A write that sends an interrupt: for the host's GIC. *)
Definition is_sgi (gicv3 : bool) (esr : Z) : bool :=
  gicv3 && negb (is_read esr) && ((sysreg esr =? ICC_SGI1R) || (sysreg esr =? ICC_ASGI1R) || (sysreg esr =? ICC_SGI0R)).
(* A read of an ID register: CRn 0, op1 0. *)
Definition is_id (esr : Z) : bool := (Guest.clear (sysreg esr) 0xe001e =? 0x300000) && is_read esr.

Definition guest_sysreg (gicv3 : bool) (context esr : Z) (s : state) : res (Z * state) :=
  if is_sgi gicv3 esr then Ok (0, s) else
  let sre := gicv3 && (sysreg esr =? ICC_SRE) in
  let rt := Guest.field esr 5 31 in
  let* (id, s) := (if is_id esr then s_idreg_guest [Guest.field (sysreg esr) 1 15; Guest.field (sysreg esr) 17 7] s else Ok (0, s)) in
  if raz_wi (sysreg esr) || is_id esr || sre
  then Ok (1, put_words context ((if is_read esr && negb (rt =? 31) then [(rt, if sre then 7 else id)] else [])
                                 ++ Guest.advance (words_of context s)) s)
  else Ok (1, put_live context (Guest.take_exception (live context s) Guest.ESR_IL 0) s).
Definition s_guest_sysreg : prim state := fun args s =>
  match args with
  | [vcpu; esr] => pre vcpu_ok s vcpu in
      guest_sysreg (negb (cell s "has_gicv3" 0 =? 0)) (cell s "vcpu_context" vcpu) esr s
  | _ => Stuck
  end.

Definition L_sysreg : layer state := add (add (add (add L1 "guest_undefined" s_guest_undefined) "guest_advance" s_guest_advance)
  "idreg_guest" s_idreg_guest) "sysreg_raz_wi" s_sysreg_raz_wi.

Lemma advance_behind c rt v s : 0 <= rt <= 31 -> (rt =? 31) = false ->
  put_words c (Guest.advance (words_of c (setword (c + rt * 8) v s))) (setword (c + rt * 8) v s) =
  put_words c ((rt, v) :: Guest.advance (words_of c s)) s.
Proof.
  intros H N. apply Z.eqb_neq in N. cbv beta iota delta [Guest.advance words_of State.W_PC State.W_PSTATE]. read_words. reflexivity.
Qed.

Lemma guest_sysreg_ok : meets (run L_sysreg f_guest_sysreg) s_guest_sysreg.
Proof.
  spec_args. contexts. unfold guest_sysreg, is_sgi, is_id, sysreg, is_read, ICC_SGI1R, ICC_ASGI1R, ICC_SGI0R, ICC_SRE. guest_bits. masks.
  pose proof (land_bound (Z.shiftr z0 5) 31 ltac:(lia)).
  start f_guest_sysreg. hide. steps.
  2: match goal with |- returns_to _ _ _ (if ?b then _ else _) => destruct b eqn:I end; go.
  all: clear H H0 H1 H2 H3 H4 H5 H6 H7 H8 P; reveal.
  all: try match goal with H : (negb _ && negb (_ =? 31)) = true |- _ =>
    let N := fresh in apply andb_true_iff in H as [? N]; apply negb_true_iff in N; rewrite advance_behind by assumption end.
  all: unfold s_idreg_guest; conds; cbn [bind]; try reflexivity.
  all: try match goal with C : (b2z (raz_wi ?r) =? 0) = _ |- _ =>
    destruct (raz_wi r); cbn in C; try discriminate C; try reflexivity end.
  all: destruct (_ =? 3145728); cbn [andb] in *; conds; first [congruence | reflexivity].
Qed.

Definition guest_trap_specs : list (string * prim state) := [
  ("guest_hvc", s_guest_hvc); ("sysreg_raz_wi", s_sysreg_raz_wi); ("guest_sysreg", s_guest_sysreg)].

(* The rest of gpsci.c, over idreg.c and regs.c. *)
Definition L_gpsci : layer state := extend (extend (extend L1 idreg_specs) regs_specs) gpsci_specs.
Theorem guest_trap_refines : refines eq (skipn 7 m_gpsci) L_gpsci (extend L_gpsci guest_trap_specs).
Proof.
  apply module_meets. cbn [skipn m_gpsci]. module_step guest_hvc_ok. module_step sysreg_raz_wi_ok. module_step guest_sysreg_ok. exact I.
Qed.
