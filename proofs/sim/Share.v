(* SPDX-License-Identifier: GPL-2.0-only *)
(* What a protected guest asks of a page of its memory: share.c does what the top machine does. *)
From KCore Require Import code.Common code.Calls code.Transfer code.Host code.Share top.InvShare.
From KCore Require Export sim.Donate.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Share.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* ------------------------------------------------------------------ bookkeeping *)

(* The page changes hands, and one mapping more or less is counted. *)
Definition handed_over (p w n : Z) (t : pub) : pub :=
  add_cnt KCORE_STAT_pages_vm (- n) (maps_add p 1 n (set_owner (upd (owner t) p w) t)).
Lemma share_is p t : share p t = handed_over p OWNER_HOST 1 t.
Proof. reflexivity. Qed.
Lemma unshare_is v p t : unshare v p t = handed_over p v (-1) t.
Proof. reflexivity. Qed.

Lemma keep_owner c s t p o : Q c s t -> dram p = true -> core p = false ->
  Q c (setcell "page_owner" (record_no fixed p) o s) (mkst (set_owner (upd (owner (P t)) p o) (P t)) (D t)).
Proof.
  intros R Dp C. same_vcpus. related R.
  exfalso. match goal with E1 : record_no _ ?q = _, N : ?q <> p |- _ => apply N, (n_apart _ I); auto end.
Qed.
Lemma keep_pages_vm c s t n : Q c s t -> Q c (bump "pages_vm" 64 0 n s) (mkst (add_cnt KCORE_STAT_pages_vm n (P t)) (D t)).
Proof. intros R. same_vcpus. related R. Qed.
Lemma keep_handed c s t p w n : Q c s t -> dram p = true -> core p = false ->
  Q c (bump "pages_vm" 64 0 (- n) (map_count n (setcell "page_owner" (record_no fixed p) w s) (record_no fixed p) 1))
    (mkst (handed_over p w n (P t)) (D t)).
Proof.
  intros R Dp C. unfold handed_over. pose proof (keep_owner c s t p w R Dp C) as R1.
  pose proof (keep_maps fixed I c _ _ p 1 n R1 ltac:(rewrite in_dram_1; exact Dp) ltac:(lia)) as R2. exact (keep_pages_vm c _ _ (- n) R2).
Qed.
(* Nothing outside of the words that are shown. *)
Lemma keep_show c s t p : Q c s t -> Q c s (mkst (P t) (do_effect (D t) (Show p))).
Proof.
  intros R. assert (M : forall q o, 0 <= o < 512 -> mem (do_effect (D t) (Show p)) q o = mem (D t) q o).
  { intros q o O. cbn. unfold upd. destruct (Z.eqb_spec q p) as [->|]; auto. unfold inside.
    rewrite (proj2 (Z.leb_le 0 o)), (proj2 (Z.ltb_lt o (0 + 512))) by lia. reflexivity. }
  destruct R. constructor; cbn [P D] in *; auto. intros q o A C O. rewrite M by exact O. auto.
Qed.

(* ------------------------------------------------------------------ one section *)

(* What it looks at of counters: a page's mappings, and the pool. *)
Definition room (t : pub) : Prop := (forall p, 0 <= maps t p < 2 ^ 32) /\ few 0 t.
Lemma fits_room t : fits t -> room t.
Proof. intros F. split; [apply (f_maps _ F)|apply fits_few, F]. Qed.

Definition number_of (k : ask) : Z := match k with State.Share => MEM_SHARE | Unshare => MEM_UNSHARE | Relinquish => MEM_RELINQUISH end.
(* AGAIN where the top machine needs a page first; else granted or not, and the same is done. *)
Definition asks (c : Z) (s : state) (t : st) (x : res (Z * state)) (o : option (bool * pub * list effect)) : Prop :=
  exists r u, x = Ok (r, u) /\ held u = true /\
    match o with
    | None => r = KCORE_EAGAIN /\ u = s
    | Some (ok, q, e) => r <> KCORE_EAGAIN /\ (r =? 0) = ok /\ Q c u (mkst q (do_effects e (D t)))
    end.

Lemma unmap_full p s : match host_prepare_unmap p s with Fail r _ => r = KCORE_ENOMEM | Go _ => True end.
Proof.
  unfold host_prepare_unmap, s2_split. destruct (_ =? 2); auto. destruct (lf _ _ _); auto. destruct (pool_alloc _ _); auto.
Qed.

Section At.
Variables (c v i : Z) (s : state) (t : st).
Hypotheses (R : Q c s t) (J : inv (P t)) (H : held s = true) (B : sound) (F : room (P t)) (V : is_vm v) (A : is_ipa i).
Variables (p prot : Z).
Hypotheses (Dp : dram p = true) (Cp : core p = false).

Lemma at_record u y : Q c u y -> page_record u (p * PAGE_BYTES) = record_no fixed p /\ record_ok u (record_no fixed p) = true /\ regions_ok u = true.
Proof.
  intros Y. pose proof (fixed_of fixed c u y Y) as Fx. split; [|split; [|apply (regions_fine fixed I u Fx)]].
  - rewrite (record_page fixed I u Fx) by (apply Z_mod_mult). rewrite Z.div_mul by discriminate. now rewrite Dp.
  - unfold record_ok. assert (E : nr_pages u = fixed "nr_pages" 0) by (apply Fx; cbn; tauto). rewrite E.
    pose proof (record_range fixed I p Dp). apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. lia.
Qed.
Lemma at_handed u y w n : Q c u y -> held u = true -> s_pages_map n [record_no fixed p; 1] (setcell "page_owner" (record_no fixed p) w u) =
  Ok (0, map_count n (setcell "page_owner" (record_no fixed p) w u) (record_no fixed p) 1).
Proof.
  intros Y Hu. unfold s_pages_map.
  rewrite (records_ok fixed I c _ _ p 1 (keep_owner c u y p w Y Dp Cp) ltac:(rewrite in_dram_1; exact Dp) ltac:(lia) : pages_ok _ _ 1 = true).
  change (held (setcell "page_owner" (record_no fixed p) w u)) with (held u). rewrite Hu. reflexivity.
Qed.

Lemma share_at : exists u, s_page_share [record_no fixed p; p * PAGE_BYTES] s = Ok (0, u) /\ held u = true /\
  Q c u (mkst (Hyper.share p (P t)) (do_effects [Show p] (D t))).
Proof.
  unfold s_page_share, page_share. destruct (at_record s t R) as (_ & -> & _). rewrite H. cbn [andb].
  set (s1 := record "dcache_clean_inval_page" [p * PAGE_BYTES] s). assert (R1 : Q c s1 t) by (apply keep_record; exact R).
  assert (H1 : held s1 = true) by exact H. clearbody s1.
  rewrite (at_handed s1 t OWNER_HOST 1 R1 H1). cbn [bind]. rewrite map_count_held.
  change (held (setcell "page_owner" (record_no fixed p) OWNER_HOST s1)) with (held s1).
  rewrite H1. eexists. split; [reflexivity|]. split; [cbn [held bump setcell]; rewrite map_count_held; exact H1|].
  rewrite share_is. apply (keep_show c _ (mkst (handed_over p OWNER_HOST 1 (P t)) (D t))). apply (keep_handed c s1 t p OWNER_HOST 1 R1 Dp Cp).
Qed.

Lemma unshare_at : exists r u, s_page_unshare [v; p * PAGE_BYTES] s = Ok (r, u) /\ held u = true /\ r <> KCORE_EAGAIN /\
  (r =? 0) = fst (take_back v p (P t)) /\ Q c u (mkst (snd (take_back v p (P t))) (D t)).
Proof.
  pose proof (dram_below fixed I p Dp) as Ap.
  assert (Wp : word64 (p * PAGE_BYTES) = true) by (unfold word64, is_ipa, PAGE_BYTES in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  unfold s_page_unshare, page_unshare, take_back. destruct (at_record s t R) as (-> & -> & ->). rewrite (number_ok v V), Wp. cbn [andb].
  rewrite (r_maps _ _ _ _ R p Dp), (Z.mod_small (maps _ _)) by apply (proj1 F). rewrite (ensured B). unfold is.
  destruct (maps (P t) p =? 1); cbn [negb].
  2: { exists KCORE_EBUSY, s. split; [reflexivity|]. split; [exact H|]. split; [discriminate|]. split; [reflexivity|]. cbn [snd]. rewrite st_eta. exact R. }
  pose proof (host_prepare_unmap_inv p (P t) J) as Hi. pose proof (unmap_full p (P t)) as Uf.
  destruct (host_prepare_sim fixed I c s t p 0 R (i_tables _ J) H (proj2 F) ltac:(lia) Ap) as (r & w & -> & Hw & M). cbn [bind].
  destruct (host_prepare_unmap p (P t)) as [e q|q].
  { destruct M as (-> & N & _ & Rw). rewrite (proj2 (Z.eqb_neq e 0) N). cbn [negb]. exists e, w. split; [reflexivity|]. split; [exact Hw|].
    split; [rewrite Uf; discriminate|]. split; [now apply Z.eqb_neq|exact Rw]. }
  destruct M as (-> & _ & Rw). destruct Hi as (Jq & _ & _ & _). cbn [Z.eqb negb].
  destruct (host_unmap_sim fixed I c w (mkst q (D t)) p Rw (i_tables _ Jq) Hw Ap) as (x & -> & Hx & Rx). cbn [bind P D] in *.
  destruct (at_record x _ Rx) as (_ & -> & _). rewrite Hx. cbn [andb]. rewrite (at_handed x _ v (-1) Rx Hx). cbn [bind].
  rewrite map_count_held. change (held (setcell "page_owner" (record_no fixed p) v x)) with (held x). rewrite Hx.
  eexists 0, _. split; [reflexivity|]. split; [cbn [held record bump setcell]; rewrite map_count_held; exact Hx|]. split; [discriminate|].
  split; [reflexivity|]. cbn [snd]. apply keep_record. rewrite unshare_is. apply (keep_handed c x (mkst (host_unmap p q) (D t)) p v (-1) Rx Dp Cp).
Qed.
End At.

Theorem ask_sim c s t v i k : Q c s t -> inv (P t) -> held s = true -> sound -> room (P t) -> is_vm v -> is_ipa i -> guarded (P t) v ->
  v_state (vm (P t) v) <> VM_FREE -> asks c s t (s_mem_ask [v; i * PAGE_BYTES; number_of k] s) (mem_call v k i (P t)).
Proof.
  intros R J H B F V A G S. assert (HV : is_handle v) by (unfold is_handle, is_vm in *; lia).
  assert (NH : v <> HOST) by (unfold is_vm, HOST in *; lia).
  destruct (entry_now_at fixed c s t v i R (i_tables _ J) HV A) as (X1 & X2 & _ & _). unfold entry_now in *.
  unfold s_mem_ask, mem_ask. rewrite (level_eq fixed I c s t v i R (i_tables _ J) HV A). cbn [bind].
  rewrite (load_eq fixed I c s t v i R HV A) by apply level_range. cbn [bind]. set (en := entry s v (i * PAGE_BYTES) (s2_level (P t) v i)) in *.
  unfold mem_call, Calls.valid. rewrite X1, (invalid_zero _ _ X2), negb_involutive. unfold entry_of. destruct (Z.eqb_spec en 0) as [Z0|Z0].
  { destruct k; do 2 eexists; (split; [reflexivity|]; split; [exact H|]); [split; reflexivity| |];
      (split; [discriminate|]; split; [reflexivity|]; cbn [do_effects fold_left]; rewrite st_eta; exact R). }
  unfold entry_of in X1. rewrite (proj2 (Z.eqb_neq en 0) Z0) in X1. destruct (guarded_leaf (P t) v i _ J NH G X1) as [_ L].
  destruct (i_guarded _ J v (Page i) _ NH G L) as (_ & Dp & O). cbn [l_page] in *. set (p := pte_page en) in *.
  assert (Cp : core p = false).
  { destruct (core p) eqn:C; auto. rewrite (r_core _ _ _ _ R p C) in O. unfold is_vm, KCORE_NR_VMS, OWNER_CORE, OWNER_HOST in *. lia. }
  assert (Wp : word64 (p * PAGE_BYTES) = true).
  { pose proof (dram_below fixed I p Dp). unfold word64, is_ipa, PAGE_BYTES in *. apply andb_true_iff. rewrite Z.leb_le, Z.ltb_lt. lia. }
  destruct (at_record c p Dp s t R) as (Er & Ro & Rg). rewrite leaf_address. fold p. rewrite Er, Rg, Ro, Wp, (r_owner _ _ _ _ R p Dp). cbn [andb].
  unfold is. destruct k; cbn [number_of]; unfold MEM_SHARE, MEM_UNSHARE, MEM_RELINQUISH; cbn [Z.eqb Pos.eqb].
  - destruct (Z.eqb_spec (owner (P t) p) v) as [E|E]; cbn [negb].
    + destruct (share_at c s t R H p Dp Cp) as (u & -> & Hu & Ru). cbn [bind]. exists 0, u. split; [reflexivity|]. split; [exact Hu|].
      split; [discriminate|]. split; [reflexivity|exact Ru].
    + exists KCORE_EINVAL, s. split; [reflexivity|]. split; [exact H|]. split; [discriminate|]. split; [reflexivity|]. cbn [do_effects fold_left].
      rewrite st_eta. exact R.
  - destruct (Z.eqb_spec (owner (P t) p) v) as [E|E].
    + exists KCORE_EINVAL, s. split; [reflexivity|]. split; [exact H|]. split; [discriminate|]. split; [reflexivity|]. cbn [do_effects fold_left].
      rewrite st_eta. exact R.
    + destruct (unshare_at c v s t R J H B F V p Dp Cp) as (r & u & -> & Hu & N & Eq & Ru). exists r, u. split; [reflexivity|]. split; [exact Hu|].
      destruct (take_back v p (P t)) as [ok q]. cbn [fst snd] in *. split; [exact N|]. split; [exact Eq|exact Ru].
  - pose proof (guarded_ordinary fixed c s t v R J V G) as Or.
    destruct (leaf_drop v i (s2_level (P t) v i) (P t)) as [[[was q] e] ok] eqn:Ld.
    destruct (drop_guarded fixed I c s t v i R (i_tables _ J) H B V A S G Or was q e ok Ld) as (u & -> & Hu & Ru). cbn [bind].
    exists 0, u. split; [reflexivity|]. split; [exact Hu|]. split; [discriminate|]. split; [reflexivity|exact Ru].
Qed.

(* The whole of it, from before the lock. *)
Theorem guest_mem_sim c s t v i k : Q c s t -> inv (P t) -> held s = false -> sound -> room (P t) -> is_vm v -> is_ipa i -> guarded (P t) v ->
  v_state (vm (P t) v) <> VM_FREE -> in_memory (P t) v i = true ->
  exists r u, s_guest_mem [v; i * PAGE_BYTES; number_of k] s = Ok (r, u) /\ held u = false /\
    match mem_call v k i (P t) with
    | None => r = KCORE_EAGAIN /\ u = s
    | Some (ok, q, e) => r <> KCORE_EAGAIN /\ (r =? 0) = ok /\ Q c u (mkst q (do_effects e (D t)))
    end.
Proof.
  intros R J H B F V A G S M. assert (HV : is_handle v) by (unfold is_handle, is_vm in *; lia).
  unfold s_guest_mem. rewrite (number_ok v V), (r_vm_base _ _ _ _ R v HV), (r_vm_end _ _ _ _ R v HV). unfold in_memory in M. props.
  rewrite (proj2 (Z.ltb_ge _ _)), (proj2 (Z.leb_gt (v_end _) _)) by assumption.
  rewrite (proj2 (Z.leb_gt IPA_END _)) by (unfold is_ipa, IPA_PAGES, IPA_END, PAGE_BYTES in *; lia).
  assert (Pg : paged (i * PAGE_BYTES) = true).
  { unfold paged. change (PAGE_BYTES - 1) with 4095. rewrite land_page. change 4096 with PAGE_BYTES. rewrite Z_mod_mult. reflexivity. }
  rewrite Pg. cbn [negb orb]. unfold section. rewrite H. cbn [negb].
  destruct (ask_sim c (sethold true s) t v i k (keep_hold fixed c true s t R) J eq_refl B F V A G S) as (r & u & -> & Hu & X). cbn [bind].
  rewrite Hu. exists r, (sethold false u). split; [reflexivity|]. split; [reflexivity|].
  destruct (mem_call v k i (P t)) as [[[ok q] e]|].
  - destruct X as (X1 & X2 & X3). split; [exact X1|]. split; [exact X2|]. apply (keep_hold fixed c false u _ X3).
  - destruct X as (X1 & ->). split; [exact X1|]. clear - H. destruct s. cbn in *. subst. reflexivity.
Qed.
End Share.
