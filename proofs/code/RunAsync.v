(* SPDX-License-Identifier: GPL-2.0-only *)
(* run.c: interrupt or SError while a guest ran. *)
From KCore Require Import code.Calls code.Stats.
From KCore Require Import code.Context code.Regs code.Release code.Cpu code.Gpsci code.Run code.Frame code.RunReturn gen.C_run.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* Nothing of the guest for the host but the fact; of an SError its syndrome, which is the machine's. *)
Definition serror_shown (kind page : Z) (s : state) : state :=
  if (kind =? 2) && negb (cell s "has_ras" 0 =? 0)
  then setword (page + CTX_EXIT_DISR) (answer s (List.length (trace s)) 0 mod 2 ^ 64) (record "vdisr_read" [] s) else s.
Definition pending_none (vcpu type : Z) (s : state) : state :=
  if type =? KCORE_VM_PROTECTED then setcell "vcpu_pending" vcpu PENDING_NONE s else s.
Definition exit_asynchronous (cpu vcpu kind : Z) (s : state) : res (Z * state) :=
  let page := cell s "vcpu_page" vcpu in
  let type := cell s "vm_type" (vcpu / KCORE_VM_VCPUS) in
  let s := pending_none vcpu type (stat_add cpu (if kind =? 1 then KCORE_STAT_exit_irq else KCORE_STAT_exit_serror) s) in
  let s := serror_shown kind page (setword (page + CTX_EXIT_ESR) 0 s) in
  let* (_, s) := s_host_return [cpu; vcpu; if kind =? 1 then KCORE_EXIT_IRQ else KCORE_EXIT_SERROR] s in Ok (0, s).
Definition s_exit_asynchronous : prim state := fun args s =>
  match args with
  | [cpu; vcpu; kind] => pre cpu_ok cpu && vcpu_mem s vcpu in exit_asynchronous cpu vcpu kind s
  | _ => Stuck
  end.
Definition L_async : layer state := add (add L1 "stat_add" s_stat_add) "host_return" s_host_return.

Lemma pending_frame vcpu type s : frame s (pending_none vcpu type s) /\ cell (pending_none vcpu type s) "has_ras" = cell s "has_ras".
Proof. unfold pending_none. destruct (type =? _); split; framed. Qed.

Lemma exit_asynchronous_ok : meets (run L_async f_exit_asynchronous) s_exit_asynchronous.
Proof.
  spec_open. halves. cpus. vcpu_range.
  unfold exit_asynchronous, KCORE_STAT_exit_irq, KCORE_STAT_exit_serror, KCORE_EXIT_IRQ, KCORE_EXIT_SERROR. names. cbv zeta.
  assert (S : forall b : bool, wrap U64 (if b then 0 else 1) = if b then 0 else 1) by (intros []; reflexivity).
  assert (O : stat_ok z (if z1 =? 1 then 0 else 1) = true).
  { unfold stat_ok. consts. repeat rewrite andb_true_iff; rewrite !Z.leb_le, !Z.ltb_lt. destruct (z1 =? 1); lia. }
  start f_exit_asynchronous. steps_to "stat_add". eapply wp_call; [eval_tac|]. lookup. rewrite ?S.
  unfold s_stat_add. rewrite O. cbn [returns_to put setv]; cbn beta iota. step. step.
  match goal with |- wp ?L ?c ?Q ?e ?t => apply (wp_join L c Q e t e (pending_none z0 (cell s "vm_type" (z0 / 16)) t)) end.
  { unfold pending_none. names. destruct (cell s "vm_type" (z0 / 16) =? 1) eqn:T; steps; reflexivity. }
  destruct (pending_frame z0 (cell s "vm_type" (z0 / 16)) (stat_add z (if z1 =? 1 then 0 else 1) s)) as [F G].
  change (frame s (pending_none z0 (cell s "vm_type" (z0 / 16)) (stat_add z (if z1 =? 1 then 0 else 1) s))) in F.
  change (cell (stat_add z (if z1 =? 1 then 0 else 1) s) "has_ras") with (cell s "has_ras") in G.
  revert F G. generalize (pending_none z0 (cell s "vm_type" (z0 / 16)) (stat_add z (if z1 =? 1 then 0 else 1) s)). intros t F G.
  carry F. contexts. step. steps_to "page_store". call. cbn [returns_to put setv]; cbn beta iota. step. step.
  change CTX_EXIT_ESR with 512.
  match goal with |- wp ?L ?c ?Q [?a0;?a1;?a2;?a3;?a4;?a5;?a6] ?u =>
    apply (wp_join L c Q [a0;a1;a2;a3;a4;a5;a6] u
      [a0;a1;a2;a3;a4;a5; if (z1 =? 2) && negb (cell u "has_ras" 0 =? 0) then Some (answer u (List.length (trace u)) 0 mod 2 ^ 64) else a6]
      (serror_shown z1 (cell s "vcpu_page" z0) u)) end.
  { unfold serror_shown. change CTX_EXIT_DISR with 536.
    change (cell (setword (cell s "vcpu_page" z0 + 512) 0 t) "has_ras" 0) with (cell t "has_ras" 0). rewrite G.
    destruct ((z1 =? 2) && negb (cell s "has_ras" 0 =? 0)) eqn:T; steps; reflexivity. }
  step. step. eapply wp_call; [eval_tac|]. lookup.
  match goal with |- returns_to _ _ _ ?r => destruct r as [[v w]| |]; [|right; reflexivity|left; reflexivity] end.
  cbn [returns_to put setv]; cbn beta iota. steps. right. reflexivity.
Qed.
