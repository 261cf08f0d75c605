(* SPDX-License-Identifier: GPL-2.0-only *)
(* The register filter theorem is about the code: what regs.c writes to the shared page and to a context is what top/Guest.v says. *)
From KCore Require Import code.Context code.Inject code.Regs code.Release gen.C_regs.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma refines_ok {St} M (L H : layer St) f args s r : refines eq M L H -> H f args s = Ok r -> link L M f args s = Ok r.
Proof.
  intros R E. specialize (R f args s s eq_refl). rewrite E in R. cbn in R.
  destruct r as [v t]. destruct R as ([w u] & -> & [A B]). cbn in A, B. subst. reflexivity.
Qed.

(* regs.c, linked over inject.c and the primitives. *)
Definition linked : layer state := link L_inject m_regs.

(* Of a protected guest's exit the memory gets the release and nothing else. *)
Theorem exit_writes_release vcpu esr far hpfar s : vcpu_ok s vcpu = true -> word64 esr = true -> word64 far = true ->
  exists t, linked "exit_release" [vcpu; esr; far; hpfar] s = Ok (0, t) /\
    word t = word (put_words (cell s "vcpu_page" vcpu) (Guest.exit_page (released vcpu esr far hpfar s)) s) /\ reg t = reg s.
Proof.
  intros V E F. eexists. split; [|split].
  - eapply refines_ok; [exact regs_refines|].
    change (extend L_inject regs_specs "exit_release") with s_exit_release. unfold s_exit_release. rewrite V, E, F. reflexivity.
  - reflexivity.
  - reflexivity.
Qed.

(* Two runs: the same release, and the page is the same afterwards, whatever the guest's registers are. *)
Theorem exit_shows_release vcpu esr far hpfar s t s' t' :
  vcpu_ok s vcpu = true -> vcpu_ok t vcpu = true -> word64 esr = true -> word64 far = true ->
  cell s "vcpu_page" vcpu = cell t "vcpu_page" vcpu ->
  released vcpu esr far hpfar s = released vcpu esr far hpfar t ->
  linked "exit_release" [vcpu; esr; far; hpfar] s = Ok (0, s') -> linked "exit_release" [vcpu; esr; far; hpfar] t = Ok (0, t') ->
  forall k, words_of (cell s "vcpu_page" vcpu) s k = words_of (cell s "vcpu_page" vcpu) t k ->
    words_of (cell s "vcpu_page" vcpu) s' k = words_of (cell s "vcpu_page" vcpu) t' k.
Proof.
  intros V1 V2 E F P R S T k K.
  destruct (exit_writes_release vcpu esr far hpfar s V1 E F) as (s1 & X & W1 & _).
  destruct (exit_writes_release vcpu esr far hpfar t V2 E F) as (t1 & Y & W2 & _).
  rewrite S in X. rewrite T in Y. injection X as <-. injection Y as <-.
  unfold words_of in *. rewrite W1, W2, <- P, <- R. unfold put_words. cbn [word setwords].
  clear - K. revert K. generalize (word s) as w1, (word t) as w2.
  induction (Guest.exit_page _) as [|p l IH]; intros w1 w2 K; cbn [fold_left]; [exact K|].
  apply IH. destruct (_ =? _); [reflexivity|exact K].
Qed.

(* The host's answer reaches the guest's registers as enter_writes says, from the last exit that KCore kept, and no other word. *)
Theorem enter_writes_answer vcpu flags s : vcpu_ok s vcpu = true ->
  linked "enter_apply" [vcpu; flags] s =
  Ok (0, put_live (cell s "vcpu_context" vcpu)
           (Guest.enter_writes (cell s "vcpu_pending" vcpu) (cell s "vcpu_esr" vcpu) flags
             (words_of (cell s "vcpu_page" vcpu) s (Guest.field (cell s "vcpu_esr" vcpu) 16 31)) (live_kept vcpu s))
           (setcell "vcpu_pending" vcpu PENDING_NONE s)).
Proof.
  intros V. eapply refines_ok; [exact regs_refines|].
  change (extend L_inject regs_specs "enter_apply") with s_enter_apply. unfold s_enter_apply. rewrite V. reflexivity.
Qed.
