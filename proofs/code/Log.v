(* SPDX-License-Identifier: GPL-2.0-only *)
(* log.c: the ring of events. *)
From KCore Require Import code.Common gen.C_log.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* When the hardware is asked for the time. *)
Definition now (s : state) : Z := answer s (List.length (trace s)) 0 mod 2 ^ 64.

Definition log_event (event a b : Z) (s : state) : state :=
  let i := cell s "log_next" 0 mod LOG_ENTRIES in
  bump "log_next" 64 0 1 (put64 "log_time" i (now s) (put64 "log_b" i b (put64 "log_a" i a (put64 "log_event" i event
    (record "counter_read" [] s))))).

Definition s_log_event : prim state := fun args s =>
  match args with [event; a; b] => pre held s in Ok (0, log_event event a b s) | _ => Stuck end.

Lemma log_event_ok : meets (run L1 f_log_event) s_log_event.
Proof.
  spec_open. start f_log_event. unfold log_event, now, put64, bump. consts.
  pose proof (Z.mod_pos_bound (cell s "log_next" 0) 256 ltac:(lia)).
  steps. finish.
Qed.

Definition log_read (seq : Z) (s : state) : res (Z * state) :=
  let next := cell s "log_next" 0 in
  let i := seq mod LOG_ENTRIES in
  if next <=? seq then Ok (KCORE_EAGAIN, s) else
  if LOG_ENTRIES <? next - seq then Ok (KCORE_EINVAL, s) else
  Ok (0, setreg "host_x" 4 (cell s "log_time" i) (setreg "host_x" 3 (cell s "log_b" i)
        (setreg "host_x" 2 (cell s "log_a" i) (setreg "host_x" 1 (cell s "log_event" i) s)))).

Definition s_hc_log_read : prim state := fun args s =>
  match args with
  | [seq] => pre (0 <=? seq) && (cell s "log_next" 0 <? 2 ^ 64) in section (log_read seq) s
  | _ => Stuck
  end.
Lemma hc_log_read_ok : meets (run L1 f_hc_log_read) s_hc_log_read.
Proof.
  spec_open. start f_hc_log_read. unfold section, log_read. consts. spec_head.
  pose proof (Z.mod_pos_bound z 256 ltac:(lia)).
  steps; spec_head; finish.
Qed.

Definition log_specs : list (string * prim state) := [("log_event", s_log_event); ("hc_log_read", s_hc_log_read)].

Theorem log_refines : refines eq m_log L1 (extend L1 log_specs).
Proof. apply module_meets. module_step log_event_ok. module_step hc_log_read_ok. exact I. Qed.

Lemma log_event_held event a b s : held (log_event event a b s) = held s.
Proof. reflexivity. Qed.
Lemma log_event_cell event a b s m j :
  existsb (String.eqb m) ["log_next"; "log_time"; "log_b"; "log_a"; "log_event"] = false ->
  cell (log_event event a b s) m j = cell s m j.
Proof.
  cbn [existsb]. rewrite !orb_false_iff. intros (A & B & C & D & E & _).
  unfold log_event, bump, put64. cbn [cell setcell]. rewrite A, B, C, D, E. reflexivity.
Qed.

Ltac keeps_log :=
  match goal with
  | |- context [held (log_event ?e ?a ?b ?s)] => change (held (log_event e a b s)) with (held s)
  | |- context [cell (log_event ?e ?a ?b ?s) ?m ?j] => rewrite (log_event_cell e a b s m j eq_refl)
  end.
Ltac keeps ::= repeat first [keeps_base | keeps_log].
