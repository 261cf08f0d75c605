(* SPDX-License-Identifier: GPL-2.0-only *)
(* inject.c: exceptions into EL1, of whoever is in the registers. *)
From KCore Require Import code.Context gen.C_inject.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition s_exception_vector : prim state := fun args s =>
  match args with [pstate] => Ok (Guest.vector (reg s "el1" 11) pstate, s) | _ => Stuck end.

Lemma exception_vector_ok : meets (run L1 f_exception_vector) s_exception_vector.
Proof. spec_args. unfold Guest.vector. guest_bits. start f_exception_vector. hide. steps; finish. Qed.

Definition s_exception_pstate : prim state := fun args s =>
  match args with [pstate] => Ok (Guest.handler (reg s "el1" 1) pstate, s) | _ => Stuck end.

Lemma exception_pstate_ok : meets (run L1 f_exception_pstate) s_exception_pstate.
Proof.
  spec_args. unfold Guest.handler. guest_bits. start f_exception_pstate. hide. steps.
  destruct (Z.land (reg s "el1" 1) 8388608 =? 0); finish.
Qed.

(* ELR, SPSR, ESR, FAR. *)
Definition s_exception_take : prim state := fun args s =>
  match args with
  | [pc; pstate; esr; far] =>
      Ok (0, setreg "el1" 9 far (setreg "el1" 6 esr (setreg "el1" 22 pstate (setreg "el1" 21 pc s))))
  | _ => Stuck
  end.

Lemma exception_take_ok : meets (run L1 f_exception_take) s_exception_take.
Proof. spec_args. start f_exception_take. hide. steps. reveal. reflexivity. Qed.

Definition inject_specs : list (string * prim state) := [
  ("exception_vector", s_exception_vector); ("exception_pstate", s_exception_pstate); ("exception_take", s_exception_take)].

Theorem inject_refines : refines eq m_inject L1 (extend L1 inject_specs).
Proof.
  apply module_meets.
  module_step exception_vector_ok. module_step exception_pstate_ok. module_step exception_take_ok. exact I.
Qed.
