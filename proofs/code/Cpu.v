(* SPDX-License-Identifier: GPL-2.0-only *)
(* Numbers of CPUs, and masks as numbers. *)
From KCore Require Export code.Context.
Local Open Scope Z_scope.

Definition cpu_ok (cpu : Z) : bool := (0 <=? cpu) && (cpu <? KCORE_MAX_CPUS).
Lemma cpu_range cpu : cpu_ok cpu = true -> 0 <= cpu < 64.
Proof. unfold cpu_ok, KCORE_MAX_CPUS. intros H. props. lia. Qed.
Ltac cpus := repeat match goal with
  | H : cpu_ok ?c = true |- _ => lazymatch goal with _ : 0 <= c < 64 |- _ => fail | _ => pose proof (cpu_range c H) end
  end.

(* Complements of masks are numbers. *)
Ltac eval_tac ::= eval_steps; cbn [modulus]; goal_numbers; reflexivity.
Ltac masks := unfold Guest.MASK64; goal_numbers.
