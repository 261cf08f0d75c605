(* SPDX-License-Identifier: GPL-2.0-only *)
(* Registers of vCPUs in memory: half a page of a context or of a shared page, as a function from word numbers. *)
From KCore Require Export code.Bits code.Filter.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition words_of (pa : Z) (s : state) : Z -> Z := fun k => word s (pa + k * 8).
(* Writes of words, the first first. *)
Definition put_words (pa : Z) (l : list (Z * Z)) (s : state) : state :=
  setwords (fold_left (fun w p => fun b => if b =? pa + fst p * 8 then snd p else w b) l (word s)) s.

(* The registers of the guest that runs: its context, and the EL1 registers of the CPU in place of words 34 to 57. *)
Definition is_el1 (k : Z) : bool := (34 <=? k) && (k <? 58).
Definition live (context : Z) (s : state) : Z -> Z := fun k =>
  if is_el1 k then reg s "el1" (k - 34) else words_of context s k.
Definition put_live (context : Z) (l : list (Z * Z)) (s : state) : state :=
  setregs (fold_left (fun r p => fun b i => if is_el1 (fst p) && String.eqb b "el1" && (i =? fst p - 34) then snd p else r b i) l (reg s))
    (setwords (fold_left (fun w p => fun b => if negb (is_el1 (fst p)) && (b =? context + fst p * 8) then snd p else w b) l (word s)) s).

(* Half a page that the code may read and write: no table. *)
Definition ctx_ok (s : state) (pa : Z) : bool :=
  (0 <=? pa) && (pa <? 2 ^ 40) && context_ok plain s pa && (cell s "root_base" 0 mod 2048 =? 0).
(* Two of them. *)
Definition apart (p q : Z) : bool := (p + 2048 <=? q) || (q + 2048 <=? p).

Definition all_plain (s : state) (pa : Z) : Prop := forall o, 0 <= o < 2048 -> o mod 8 = 0 -> plain s (pa + o) = true.

Lemma ctx_plain s pa : ctx_ok s pa = true -> all_plain s pa.
Proof.
  unfold ctx_ok, all_plain, context_ok, plain, aligned, in_roots, page, CONTEXT_BYTES. intros H o Ho O. props.
  assert (M : pa mod 2048 = 0) by assumption. assert (R : cell s "root_base" 0 mod 2048 = 0) by assumption.
  apply Z.div_exact in M; [|lia]. apply Z.div_exact in R; [|lia].
  repeat rewrite andb_true_iff. repeat split.
  - apply Z.eqb_eq. rewrite Z.add_mod, O by lia. replace pa with (256 * (pa / 2048) * 8) by lia. rewrite Z_mod_mult. reflexivity.
  - apply negb_true_iff, andb_false_iff.
    match goal with H : _ \/ _ |- _ => destruct H as [A|A] end; props; [left; apply Z.leb_gt|right; apply Z.ltb_ge]; lia.
  - apply negb_true_iff. replace ((pa + o) / 2 ^ 12) with (pa / 2 ^ 12); [assumption|].
    apply Z.div_unique with (r := pa mod 2 ^ 12 + o); [left|]; pose proof (Z.div_mod pa (2 ^ 12)); [|lia].
    pose proof (Z.mod_pos_bound pa (2 ^ 12)).
    assert (pa mod 2 ^ 12 = 2048 * ((pa / 2048) mod 2));
      [|pose proof (Z.mod_pos_bound (pa / 2048) 2); lia].
    rewrite M at 1. change (2 ^ 12) with (2048 * 2). rewrite Z.mul_mod_distr_l by lia. reflexivity.
Qed.
Lemma ctx_range s pa : ctx_ok s pa = true -> 0 <= pa < 2 ^ 40.
Proof. unfold ctx_ok. intros H. props. lia. Qed.
Lemma ctx_context s pa : ctx_ok s pa = true -> context_ok plain s pa = true.
Proof. unfold ctx_ok. intros H. props. assumption. Qed.

(* A vCPU with its context and its page. *)
Definition context_of (vcpu : Z) (s : state) : Z := cell s "vcpu_context" vcpu.
Definition page_of (vcpu : Z) (s : state) : Z := cell s "vcpu_page" vcpu.
Definition vcpu_number (vcpu : Z) : bool := (0 <=? vcpu) && (vcpu <? KCORE_NR_VCPUS).
Definition vcpu_ok (s : state) (vcpu : Z) : bool :=
  vcpu_number vcpu && ctx_ok s (cell s "vcpu_context" vcpu) && ctx_ok s (cell s "vcpu_page" vcpu) &&
  apart (cell s "vcpu_context" vcpu) (cell s "vcpu_page" vcpu).

Lemma vcpu_number_range v : 0 <= v < 4096 -> vcpu_number v = true.
Proof. intros H. unfold vcpu_number, KCORE_NR_VCPUS. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. exact H. Qed.

Lemma vcpu_facts s v : vcpu_ok s v = true ->
  0 <= v < 4096 /\ ctx_ok s (cell s "vcpu_context" v) = true /\ ctx_ok s (cell s "vcpu_page" v) = true /\
  (cell s "vcpu_context" v + 2048 <= cell s "vcpu_page" v \/ cell s "vcpu_page" v + 2048 <= cell s "vcpu_context" v).
Proof.
  unfold vcpu_ok, vcpu_number, apart, KCORE_NR_VCPUS. intros H. repeat (apply andb_true_iff in H; destruct H as [H ?]).
  match goal with X : _ || _ = true |- _ => apply orb_true_iff in X; rewrite !Z.leb_le in X end. props. auto.
Qed.

(* What lia and the primitives want to know of vCPUs and contexts. *)
Ltac contexts :=
  repeat match goal with
  | H : vcpu_ok ?s ?v = true |- _ =>
      lazymatch goal with
      | _ : 0 <= v < 4096 |- _ => fail
      | _ => pose proof (vcpu_facts s v H) as (? & ? & ? & ?)
      end
  | H : ctx_ok ?s ?p = true |- _ =>
      lazymatch goal with
      | _ : all_plain s p |- _ => fail
      | _ => pose proof (ctx_plain s p H); pose proof (ctx_range s p H); pose proof (ctx_context s p H)
      end
  end.

Ltac mod8 := first [reflexivity | apply Z_mod_mult].
Ltac at_context := match goal with H : all_plain ?s ?pa |- plain _ (?pa + _) = true => apply (H _); [lia | mod8] end.

(* A fact about a state, where writes to other parts have been made since. *)
Ltac same_state := match goal with H : ?f ?s ?x = true |- ?f _ ?x = true => exact H end.

Ltac pre_true ::=
  unfold KCORE_NR_VCPUS;
  repeat rewrite andb_true_iff; repeat split;
  first [ reflexivity | assumption | at_context | same_state | apply negb_true_iff; assumption
        | apply word64_range; lia | apply vcpu_number_range; lia | apply Z.leb_le; lia | apply Z.ltb_lt; lia | apply Z.eqb_eq; lia
        | apply orb_true_iff; (left; reflexivity) || (right; assumption) ].

Lemma word_same a v s : word (setword a v s) a = v.
Proof. rewrite word_setword, Z.eqb_refl. reflexivity. Qed.
Lemma word_at a v s b : b <> a -> word (setword a v s) b = word s b.
Proof. intros H. rewrite word_setword. destruct (Z.eqb_spec b a); [contradiction|reflexivity]. Qed.
Ltac read_words :=
  repeat match goal with
  | |- context [word (setword ?a ?v ?s) ?b] => first [rewrite (word_same a v s) | rewrite (word_at a v s b) by lia]
  end.

Ltac live_words :=
  cbv beta iota delta [live words_of put_live fold_left put_words is_el1 fst snd State.W_PC State.W_PSTATE State.W_SCTLR
    State.W_ESR State.W_FAR State.W_VBAR State.W_ELR State.W_SPSR State.W_EXIT];
  goal_numbers; cbn [andb negb].

Lemma put_words_app pa l m s : put_words pa (l ++ m) s = put_words pa m (put_words pa l s).
Proof. unfold put_words. rewrite fold_left_app. reflexivity. Qed.
Lemma put_words_nil pa s : put_words pa [] s = s.
Proof. destruct s; reflexivity. Qed.
Lemma put_live_nil pa s : put_live pa [] s = s.
Proof. destruct s; reflexivity. Qed.

(* The specification is out of sight during [steps], which are faster so. *)
Ltac hide := match goal with |- wp _ _ ?Q _ _ => let q := fresh "post" in set (q := Q) end.
Ltac reveal := match goal with q := _ |- _ => subst q end; cbn beta; cbn [result].
Ltac finish := reveal; conds; rewrite ?put_words_nil, ?put_live_nil; reflexivity.
