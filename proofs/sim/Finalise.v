(* SPDX-License-Identifier: GPL-2.0-only *)
(* Finalisation of a VM does what the top machine does: its range, and the boot registers of a protected VM's first vCPU. *)
From KCore Require Import code.Common code.Vm.
From KCore Require Export sim.End sim.Pages.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Words.
Variables (from to : Z).
Hypothesis Apart : forall i j, 0 <= i < 512 -> 0 <= j < 512 -> from + i * 8 <> to + j * 8.

Lemma copy_words_other n s x : (forall k, 0 <= k < Z.of_nat n -> x <> to + k * 8) -> word (copy_words from to n s) x = word s x.
Proof.
  induction n as [|n IH]; intros N; cbn [copy_words]; auto. rewrite word_setword. destruct (Z.eqb_spec x (to + Z.of_nat n * 8)) as [->|D].
  - exfalso. apply (N (Z.of_nat n)); lia.
  - apply IH. intros k K. apply N. lia.
Qed.
Lemma copy_words_copied n s k : (n <= 512)%nat -> 0 <= k < Z.of_nat n ->
  word (copy_words from to n s) (to + k * 8) = word s (from + k * 8).
Proof.
  induction n as [|n IH]; intros N K; [lia|]. cbn [copy_words]. rewrite word_setword.
    destruct (Z.eqb_spec (to + k * 8) (to + Z.of_nat n * 8)) as [E|D].
  - assert (k = Z.of_nat n) as -> by lia. apply copy_words_other. intros j J. apply Apart; lia.
  - apply IH; lia.
Qed.
End Words.

Section Finalise.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* ------------------------------------------------------------------ addresses *)

Lemma context_at c s t w : Q c s t -> has_context (P t) w -> exists k, 0 <= k < pool /\ cell s "vcpu_context" w = pool_at fixed k.
Proof.
  intros R H. destruct (p_used _ _ _ (r_pool _ _ _ _ R) (cell s "vcpu_context" w)) as (k & K & E); [right; eauto|].
  pose proof (p_bump _ _ _ (r_pool _ _ _ _ R)). exists k. split; [lia|exact E].
Qed.
Lemma pool_page_no k : pool_at fixed k = (fixed "pool_base" 0 / PAGE_BYTES + k) * PAGE_BYTES.
Proof. destruct (n_pool_base _ I) as (_ & M & _). unfold pool_at. apply Z.div_exact in M; unfold PAGE_BYTES in *; lia. Qed.
Lemma page_apart p k i j : 0 <= k < pool -> core p = false -> 0 <= i < 512 -> 0 <= j < 512 ->
  p * PAGE_BYTES + i * 8 <> pool_at fixed k + j * 8.
Proof.
  intros K C Hi Hj E. rewrite pool_page_no in E. unfold PAGE_BYTES in *.
  assert (p = fixed "pool_base" 0 / 4096 + k) as -> by lia. rewrite (n_pool_core _ I) in C by auto. discriminate.
Qed.

Lemma every_plain s pa : (forall i, 0 <= i < 512 -> plain s (pa + i * 8) = true) -> plain_page s pa = true.
Proof. intros H. unfold plain_page. apply every_true. rewrite count_eq. intros i Hi. apply H. lia. Qed.

Lemma plain_context c s t w : Q c s t -> has_context (P t) w -> plain_page s (cell s "vcpu_context" w) = true.
Proof.
  intros R H. destruct (context_at _ _ _ _ R H) as (k & K & E). apply every_plain. intros i Hi.
  pose proof (p_context _ _ _ (r_pool _ _ _ _ R) w H) as T. rewrite E in *. rewrite pool_page_no in *.
  destruct (n_roots _ I) as (R1 & R2 & R3). destruct (n_pool_base _ I) as (B1 & B2 & B3 & B4).
  set (x := fixed "pool_base" 0 / PAGE_BYTES) in *. assert (X : fixed "pool_base" 0 = 4096 * x) by (apply Z.div_exact;
    unfold PAGE_BYTES in *; lia).
  unfold PAGE_BYTES, KCORE_NR_VMS, ROOT_BYTES in *. rewrite Z.div_mul in T by lia.
  unfold plain, aligned, in_roots, page. rewrite !(fixed_of _ _ _ _ R "root_base") by (cbn; tauto).
  repeat (apply andb_true_iff; split).
  - apply Z.eqb_eq. replace ((x + k) * 4096 + i * 8) with (((x + k) * 512 + i) * 8) by lia. apply Z_mod_mult.
  - apply negb_true_iff, andb_false_iff. right. apply Z.ltb_ge. lia.
  - change (2 ^ 12) with 4096. replace (((x + k) * 4096 + i * 8) / 4096) with (x + k); [rewrite T; reflexivity|].
    apply (Z.div_unique _ _ _ (i * 8)); lia.
Qed.
Lemma plain_host c s t p : Q c s t -> core p = false -> plain_page s (p * PAGE_BYTES) = true.
Proof.
  intros R C. apply every_plain. intros i Hi. destruct (n_roots _ I) as (R1 & R2 & R3).
  unfold plain, aligned, in_roots, page. rewrite !(fixed_of _ _ _ _ R "root_base") by (cbn; tauto).
  pose proof (n_roots_core _ I p) as RC. apply Z.div_exact in R2; [|lia]. set (y := fixed "root_base" 0 / 8192) in *.
  unfold PAGE_BYTES, KCORE_NR_VMS, ROOT_BYTES in *.
  repeat (apply andb_true_iff; split).
  - apply Z.eqb_eq. replace (p * 4096 + i * 8) with ((p * 512 + i) * 8) by lia. apply Z_mod_mult.
  - apply negb_true_iff. destruct (_ && _) eqn:E; auto. exfalso. props. rewrite RC in C; [discriminate|]. lia.
  - change (2 ^ 12) with 4096. replace ((p * 4096 + i * 8) / 4096) with p by (apply (Z.div_unique _ _ _ (i * 8)); lia).
    destruct (Base.table s p) eqn:T; auto. exfalso.
    destruct (p_used _ _ _ (r_pool _ _ _ _ R) (p * 4096)) as (k & K & E).
    { left. unfold PAGE_BYTES. rewrite Z.div_mul, Z_mod_mult by lia. auto. }
    pose proof (p_bump _ _ _ (r_pool _ _ _ _ R)). apply (page_apart p k 0 0); try lia; auto. unfold PAGE_BYTES. lia.
Qed.
Lemma vcpu_page_host c s t w : Q c s t -> inv (P t) -> c_state (vcpu (P t) w) <> VCPU_FREE -> core (c_page (vcpu (P t) w)) = false.
Proof.
  intros R J N. destruct (i_vcpu _ J _ N) as (_ & _ & O). destruct (core _) eqn:C; auto.
  rewrite (r_core _ _ _ _ R _ C) in O. discriminate.
Qed.
End Finalise.
