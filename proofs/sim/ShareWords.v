(* SPDX-License-Identifier: GPL-2.0-only *)
(* Which words a guest's call about its memory can change: those of the pool, and of the page that it gives up. *)
From KCore Require Import code.Common code.Calls code.Pool code.Transfer code.Host code.Share top.InvShare.
From KCore Require Export sim.Share sim.ShareFrame.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section ShareWords.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* KCore's own memory, but for the pool. *)
Definition own_word (x : Z) : Prop :=
  (x < fixed "pool_base" 0 \/ fixed "pool_base" 0 + pool * PAGE_BYTES <= x) /\ core (x / PAGE_BYTES) = true.
Definition kept (s u : state) : Prop := forall x, own_word x -> word u x = word s x.
Lemma kept_refl s : kept s s.
Proof. intros x _. reflexivity. Qed.
Lemma kept_trans s t u : kept s t -> kept t u -> kept s u.
Proof. intros A B x X. rewrite (B x X). apply A, X. Qed.

Lemma pool_in c s t : Q c s t -> cell s "pool_free" 0 <> 0 -> exists k, 0 <= k < pool /\ pool_page s = pool_at fixed k.
Proof.
  intros R N. destruct (r_pool _ _ _ _ R) as [Bu (l & Li & _ & Fr & At) _ _ _ _ _ _]. unfold pool_page, pool_at.
  assert (Eb : cell s "pool_base" 0 = fixed "pool_base" 0) by (apply (r_fixed _ _ _ _ R); cbn; tauto).
  destruct l as [|a l]; cbn [linked length] in *.
  - rewrite Li, Eb. cbn [Z.eqb negb]. exists (cell s "pool_bump" 0). split; [lia|reflexivity].
  - destruct Li as [-> _]. destruct (At a (or_introl eq_refl)) as ((k & K & ->) & _). unfold pool_at. pose proof (n_pool_base _ I) as (B0 & _ & B2 & _).
    rewrite (proj2 (Z.eqb_neq _ 0)) by (unfold PAGE_BYTES; lia). cbn [negb]. exists k. split; [lia|reflexivity].
Qed.
Lemma kept_alloc c s t v r u : Q c s t -> h_pool_alloc [v] s = Ok (r, u) -> kept s u.
Proof.
  intros R. unfold h_pool_alloc, s_pool_alloc. destruct (_ && _); [|discriminate]. destruct (exhausted s v) eqn:X.
  { destruct (_ || _); [|discriminate]. intros E. injection E as <- <-. apply kept_refl. }
  unfold exhausted in X. apply orb_false_iff in X as [X _]. apply Z.eqb_neq in X. destruct (pool_in c s t R X) as (k & K & Pp).
  set (w := setcell "vm_tables" _ _ _). destruct (_ || _); [|discriminate]. intros E. injection E as <- <-. intros x [O _].
  assert (Ew : word w = word s).
  { unfold w, pool_take. destruct (negb _), (_ && _); reflexivity. }
  clearbody w. rewrite <- Ew, Pp. apply zero_page_outside. unfold pool_at, PAGE_BYTES in *. lia.
Qed.
Lemma kept_word s u : word u = word s -> kept s u.
Proof. intros E x _. now rewrite E. Qed.

Lemma word_level v i s r u : h_s2_level [v; i] s = Ok (r, u) -> u = s.
Proof. unfold h_s2_level. destruct (stage2_ok _ _ _); [|discriminate]. intros E. injection E as <- <-. reflexivity. Qed.
Lemma word_load v i l s r u : h_s2_load [v; i; l] s = Ok (r, u) -> u = s.
Proof. unfold h_s2_load. destruct (_ && _); [|discriminate]. intros E. injection E as <- <-. reflexivity. Qed.
Lemma word_clear v i l s r u : h_s2_clear [v; i; l] s = Ok (r, u) -> word u = word s.
Proof. unfold h_s2_clear. destruct (_ && _); [|discriminate]. intros E. injection E as <- <-. destruct (_ =? 0); reflexivity. Qed.
Lemma word_count b i n s r u : s_pages_map b [i; n] s = Ok (r, u) -> word u = word s.
Proof.
  unfold s_pages_map. destruct (_ && _); [|discriminate]. intros E. injection E as <- <-. induction (Z.to_nat n) as [|m IH]; [reflexivity|exact IH].
Qed.
Lemma kept_prepare c s t p r u : Q c s t -> s_host_prepare_unmap [p] s = Ok (r, u) -> kept s u.
Proof.
  intros R. unfold s_host_prepare_unmap. destruct (h_s2_level _ s) as [[l a]| |] eqn:A; try discriminate. apply word_level in A. subst a. cbn [bind].
  destruct (h_s2_load _ s) as [[e a]| |] eqn:A; try discriminate. apply word_load in A. subst a. cbn [bind].
  destruct (_ && _); [|intros E; injection E as <- <-; apply kept_refl]. unfold h_s2_split. destruct (_ && _); [|discriminate].
  destruct (h_pool_alloc [HOST] s) as [[pa w]| |] eqn:A; try discriminate. apply (kept_alloc c s t _ _ _ R) in A.
  destruct (pa =? 0); intros E; injection E as <- <-; [exact A|]. intros x X. exact (A x X).
Qed.
Lemma word_unmap p s r u : s_host_unmap [p] s = Ok (r, u) -> word u = word s.
Proof.
  unfold s_host_unmap. destruct (h_s2_level _ s) as [[l a]| |] eqn:A; try discriminate. apply word_level in A. subst a. cbn [bind].
  destruct (_ =? 3); [|intros E; injection E as <- <-; reflexivity]. destruct (h_s2_clear _ s) as [[e a]| |] eqn:A; try discriminate.
  apply word_clear in A. cbn [bind]. intros E. injection E as <- <-. exact A.
Qed.
Lemma kept_unshare c s t v p r u : Q c s t -> s_page_unshare [v; p] s = Ok (r, u) -> kept s u.
Proof.
  intros R. unfold s_page_unshare, page_unshare. destruct (_ && _); [|discriminate]. destruct (negb _).
  { intros E. injection E as <- <-. apply kept_refl. }
  destruct (s_host_prepare_unmap _ s) as [[x a]| |] eqn:X; try discriminate. apply (kept_prepare c s t _ _ _ R) in X. cbn [bind]. destruct (negb _).
  { intros E. injection E as <- <-. exact X. }
  destruct (s_host_unmap _ a) as [[y w]| |] eqn:Y; try discriminate. cbn [bind]. apply word_unmap in Y. destruct (_ && _); [|discriminate].
  destruct (s_pages_map _ _ _) as [[z b]| |] eqn:Z0; try discriminate. cbn [bind]. apply word_count in Z0. destruct (held b); [|discriminate].
  intros E. injection E as <- <-. apply (kept_trans _ _ _ X). apply kept_word. unfold bump. cbn [word record setcell]. rewrite Z0. exact Y.
Qed.
Lemma word_share i p s r u : s_page_share [i; p] s = Ok (r, u) -> word u = word s.
Proof.
  unfold s_page_share, page_share. destruct (_ && _); [|discriminate]. destruct (s_pages_map _ _ _) as [[x a]| |] eqn:X; try discriminate.
  apply word_count in X. cbn [bind]. destruct (held a); [|discriminate]. intros E. injection E as <- <-. exact X.
Qed.
Lemma kept_reclaim v p s r u : core p = false -> s_page_reclaim [v; p * PAGE_BYTES] s = Ok (r, u) -> kept s u.
Proof.
  intros C. unfold s_page_reclaim. destruct (_ && _); [|discriminate]. intros E. injection E as <- <-. unfold Transfer.reclaim, bump, scrub.
  intros x [_ X]. cbn [word setcell record]. rewrite zero_word, count_eq. destruct (_ && _) eqn:Y; [|reflexivity]. exfalso.
  assert (x / PAGE_BYTES = p); [|congruence]. symmetry. apply (Z.div_unique_pos x PAGE_BYTES p (x - p * PAGE_BYTES)); [|lia].
  change (Z.of_nat (Z.to_nat 512)) with 512 in Y. unfold PAGE_BYTES in *. props. lia.
Qed.
Lemma kept_release v e l s r u : core (pte_page e) = false -> s_leaf_release [v; e; l] s = Ok (r, u) -> kept s u.
Proof.
  intros C. unfold s_leaf_release, leaf_release. rewrite leaf_address. destruct (_ && _); [|discriminate]. destruct (_ || _); [|discriminate].
  destruct (_ && _).
  - destruct (s_page_reclaim _ s) as [[x a]| |] eqn:X; try discriminate. cbn [bind]. intros E. injection E as <- <-. exact (kept_reclaim _ _ _ _ _ C X).
  - destruct (negb (_ =? NO_PAGE)).
    + destruct (s_pages_map _ _ s) as [[x a]| |] eqn:X; try discriminate. cbn [bind]. destruct (held a); [|discriminate].
      intros E. injection E as <- <-. apply word_count in X. apply kept_word. exact X.
    + cbn [bind]. destruct (held s); [|discriminate]. intros E. injection E as <- <-. apply kept_word. reflexivity.
Qed.

Theorem guest_mem_kept c s t v i k r u : Q c s t -> inv (P t) -> is_vm v -> is_ipa i -> guarded (P t) v ->
  s_guest_mem [v; i * PAGE_BYTES; k] s = Ok (r, u) -> kept s u.
Proof.
  intros R J V A G. assert (HV : is_handle v) by (unfold is_handle, is_vm in *; lia). assert (NH : v <> HOST) by (unfold is_vm, HOST in *; lia).
  unfold s_guest_mem. destruct (nth_vm v); [|discriminate]. destruct (_ || _); [intros E; injection E as <- <-; apply kept_refl|].
  unfold section. destruct (negb (held s)); [|discriminate]. destruct (s_mem_ask _ _) as [[x w]| |] eqn:X; try discriminate. cbn [bind].
  destruct (held w); [|discriminate]. intros E. injection E as <- <-. change (kept (sethold true s) w).
  pose proof (keep_hold fixed c true s t R) as R1. set (s1 := sethold true s) in *. clearbody s1.
  destruct (entry_now_at fixed c s1 t v i R1 (i_tables _ J) HV A) as (X1 & X2 & _ & _). unfold entry_now in *.
  unfold s_mem_ask, mem_ask in X. rewrite (level_eq fixed I c s1 t v i R1 (i_tables _ J) HV A) in X. cbn [bind] in X.
  rewrite (load_eq fixed I c s1 t v i R1 HV A) in X by apply level_range. cbn [bind] in X.
  set (en := entry s1 v (i * PAGE_BYTES) (s2_level (P t) v i)) in *. unfold Calls.valid in X. rewrite (invalid_zero _ _ X2), negb_involutive in X.
  destruct (Z.eqb_spec en 0) as [Z0|Z0]; [injection X as _ <-; apply kept_refl|].
  unfold entry_of in X1. rewrite (proj2 (Z.eqb_neq en 0) Z0) in X1. destruct (guarded_leaf (P t) v i _ J NH G X1) as [_ L].
  destruct (i_guarded _ J v (Page i) _ NH G L) as (_ & Dp & O). cbn [l_page] in *.
  assert (Cp : core (pte_page en) = false).
  { destruct (core (pte_page en)) eqn:C; auto. rewrite (r_core _ _ _ _ R1 _ C) in O. unfold is_vm, KCORE_NR_VMS, OWNER_CORE, OWNER_HOST in *. lia. }
  destruct (k =? MEM_RELINQUISH).
  { destruct (s_leaf_drop _ s1) as [[y a]| |] eqn:Y; try discriminate X. cbn [bind] in X. injection X as _ <-. unfold s_leaf_drop in Y.
    destruct (h_s2_clear _ s1) as [[e b]| |] eqn:Cl; try discriminate Y. cbn [bind] in Y. pose proof (word_clear _ _ _ _ _ _ Cl) as Wc.
    assert (Ee : e = en).
    { unfold h_s2_clear in Cl. destruct (_ && _); [|discriminate]. injection Cl as <- _. reflexivity. }
    destruct (_ =? 0); [injection Y as _ <-; apply kept_word, Wc|]. destruct (s_leaf_release _ b) as [[z d]| |] eqn:Rl; try discriminate Y.
    cbn [bind] in Y. injection Y as _ <-. subst e. apply (kept_trans _ _ _ (kept_word _ _ Wc)), (kept_release _ _ _ _ _ _ Cp Rl). }
  destruct (_ && _); [|discriminate X]. destruct (k =? MEM_UNSHARE); [destruct (_ =? v)|destruct (negb _)].
  - injection X as _ <-. apply kept_refl.
  - apply (kept_unshare c s1 t _ _ _ _ R1 X).
  - injection X as _ <-. apply kept_refl.
  - destruct (s_page_share _ s1) as [[y a]| |] eqn:Y; try discriminate X. cbn [bind] in X. injection X as _ <-. apply kept_word, (word_share _ _ _ _ _ Y).
Qed.
End ShareWords.
