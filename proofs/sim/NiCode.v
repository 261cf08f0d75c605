(* SPDX-License-Identifier: GPL-2.0-only *)
(* Noninterference of the C (m2): by that of the top machine, and by what each step of the C is there. *)
From KCore Require Import code.Common code.Run top.Ni.
From KCore Require Export sim.Steps sim.Start.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section NiCode.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation matches := (matches fixed).
Notation code_step := (code_step fixed).
Notation code_run := (code_run fixed).

Lemma expanded_app n l k : expanded n (l ++ k) = (expanded n l ++ expanded n k)%list.
Proof. apply flat_map_app. Qed.
Lemma firstn_more {A} (l k : list A) j : firstn (List.length l + j) (l ++ k) = (l ++ firstn j k)%list.
Proof. rewrite firstn_app, firstn_all2 by lia. f_equal. f_equal. lia. Qed.

(* In the top machine, a run of the C is the run of the actions of its steps, each call with the sections that belong to it. *)
Theorem code_sim c l m n : code_run c l m n -> sound -> forall t k1, matches c m t ->
  (forall k, (k1 <= k)%nat -> fit_along (expanded k l) t) ->
  exists t' k0, forall k, (k0 <= k)%nat -> run (expanded k l) t = Ok t' /\ matches c n t'.
Proof.
  intros R B. induction R as [m|l k m n o S R IH]; intros t k1 M F.
  - exists t, 0%nat. intros j _. split; [reflexivity|exact M].
  - destruct (step_sim fixed I c l m n t k1 B M S) as (u & k2 & X).
    { intros j Hj i v Rv. destruct (Nat.le_ge_cases i (List.length (expanded j l))) as [L|G].
      - apply (F j Hj i). rewrite expanded_app, firstn_app. replace (i - _)%nat with 0%nat by lia. cbn [firstn]. rewrite app_nil_r. exact Rv.
      - apply (F j Hj (List.length (expanded j l))). rewrite expanded_app, firstn_app, Nat.sub_diag, firstn_all. cbn [firstn]. rewrite app_nil_r.
        rewrite firstn_all2 in Rv by lia. exact Rv. }
    destruct (IH u (Nat.max k1 k2)) as (t' & k3 & Y).
    { apply (X k2). lia. }
    { intros j Hj i v Rv. apply (F j ltac:(lia) (List.length (expanded j l) + i)%nat). rewrite expanded_app, firstn_more.
      rewrite (run_app _ _ t u); [exact Rv|]. apply X. lia. }
    exists t', (Nat.max k2 k3). intros j Hj. destruct (X j ltac:(lia)) as [X1 _]. destruct (Y j ltac:(lia)) as [Y1 Y2].
    split; [|exact Y2]. rewrite expanded_app, (run_app _ _ _ _ X1). exact Y1.
Qed.

(* What reaches a principal in a run, each call with k sections at most. *)
Definition hears (p : principal) (k : nat) (l : list act) (t : st) : list msg := events p (expanded k l) t.

Theorem ni_code c p la lb m n m' n' t x : sound -> principal_ok p -> matches c m t -> matches c m' x -> eq_for p t x ->
  code_run c la m n -> code_run c lb m' n' -> (forall k, fit_along (expanded k la) t) -> (forall k, fit_along (expanded k lb) x) ->
  exists t' x' k0, matches c n t' /\ matches c n' x' /\ forall k, (k0 <= k)%nat ->
    run (expanded k la) t = Ok t' /\ run (expanded k lb) x = Ok x' /\ (hears p k la t = hears p k lb x -> eq_for p t' x').
Proof.
  intros B Pr M M' E R R' F F'.
  destruct (code_sim c la m n R B t 0%nat M) as (t' & k1 & X); [auto|]. destruct (code_sim c lb m' n' R' B x 0%nat M') as (x' & k2 & Y); [auto|].
  exists t', x', (Nat.max k1 k2). split; [apply (X k1); lia|]. split; [apply (Y k2); lia|]. intros k Hk.
  destruct (X k ltac:(lia)) as [X1 _]. destruct (Y k ltac:(lia)) as [Y1 _]. split; [exact X1|]. split; [exact Y1|]. intros Ev.
  exact (Ni.ni_top p B Pr _ _ _ _ _ _ (m_inv _ _ _ _ M) (m_inv _ _ _ _ M') E X1 Y1 Ev).
Qed.

(* The host's view is in the C's state: registers, the words of the pages that it may access. *)
Corollary host_view c n n' t' x' : matches c n t' -> matches c n' x' -> host_eq t' x' ->
  (forall k, 0 <= k < 31 -> Base.reg (snd n) "host_x" k = Base.reg (snd n') "host_x" k) /\
  (forall p o, 0 <= p < 268435456 -> 0 <= o < 512 -> device_ok fixed (snd n) p = true ->
     word (snd n) (device_word p o) = word (snd n') (device_word p o)) /\
  (fp_shared (P t') c = true -> forall k, 0 <= k < N_FP -> Base.reg (snd n) "fp" k = Base.reg (snd n') "fp" k).
Proof.
  intros [R _ _ _ _ _] [R' _ _ _ _ _] E. split; [|split].
  - intros k K. rewrite (r_hreg _ _ _ _ R), (r_hreg _ _ _ _ R') by exact K. apply (q_hreg _ _ E).
  - intros p o Bp O D. rewrite (device_host fixed c (snd n) t' p R) in D. pose proof (not_core fixed I c _ t' p R D) as C.
    unfold device_word. rewrite (r_mem _ _ _ _ R), (r_mem _ _ _ _ R') by auto. apply (q_mem _ _ E), D.
  - intros Sh k K. rewrite (r_fp _ _ _ _ R), (r_fp _ _ _ _ R') by exact K. apply (q_fp _ _ E), Sh.
Qed.

(* So is a live protected VM's memory, but for what it shares. *)
Corollary vm_view c v n n' t' x' : is_vm v -> matches c n t' -> matches c n' x' -> vm_eq v t' x' -> live (P t') v = true ->
  forall i p r, walk (P t') v i = Some (p, r) -> exists q, walk (P x') v i = Some (q, r) /\
    (own (P t') v p = true -> forall o, 0 <= o < 512 -> word (snd n) (device_word p o) = word (snd n') (device_word q o)).
Proof.
  intros V [R _ J _ _ _] [R' _ J' _ _ _] E L i p r W. pose proof (e_page _ _ _ E L i) as S. unfold same_page in S. rewrite W in S.
  destruct (walk (P x') v i) as [[q r']|] eqn:Wq; [|destruct S]. destruct S as (<- & _ & S). exists q. split; [reflexivity|]. intros Ow o O.
  assert (G : guarded (P t') v) by (unfold live, protected in L; unfold guarded; props; assumption).
  assert (G' : guarded (P x') v).
  { pose proof (e_book _ _ _ E) as Bk. unfold book, life in Bk. injection Bk as _ T _ _ _. unfold guarded in *. congruence. }
  destruct (guarded_page fixed I c (snd n) t' v i p r R J V G W) as [P1 P2].
  destruct (guarded_page fixed I c (snd n') x' v i q r R' J' V G' Wq) as [Q1 Q2].
  unfold device_word. rewrite (r_mem _ _ _ _ R), (r_mem _ _ _ _ R') by auto. now apply S.
Qed.
(* And its registers, while it runs. *)
Corollary vm_registers c v s s' t' x' : is_vm v -> matches c (true, s) t' -> matches c (true, s') x' -> vm_eq v t' x' -> live (P t') v = true ->
  vm_of (cell s "cpu_vcpu" c) = v -> cell s' "cpu_vcpu" c = cell s "cpu_vcpu" c ->
  (forall k, 0 <= k < W_GP -> Context.live (context_here c s) s k = Context.live (context_here c s') s' k) /\
  (cell s "cpu_fp" c <> 0 -> cell s' "cpu_fp" c <> 0 -> forall k, 0 <= k < N_FP -> Base.reg s "fp" k = Base.reg s' "fp" k).
Proof.
  intros V [R _ J _ G _] [R' _ J' _ G' _] E L Ev Ew. cbn [fst snd] in *.
  destruct (running_here fixed c s t' _ G R J) as (_ & Ex & Ec & N). destruct (running_here fixed c s' x' _ G' R' J') as (_ & _ & Ec' & N').
  destruct (here fixed c s t' _ G R J) as [-> _]. destruct (here fixed c s' x' _ G' R' J') as [-> _].
  rewrite Ec, Ec' in *. set (w := u_vcpu (cpu (P t') c)) in *. rewrite Ew in *.
  assert (Pr : protected (P t') (vm_of w) = true) by (rewrite Ev; unfold live in L; apply andb_true_iff in L; apply L).
  assert (Pr' : protected (P x') (vm_of w) = true).
  { pose proof (e_book _ _ _ E) as Bk. unfold book, life in Bk. injection Bk as B1 B2 _ _ _. rewrite <- Ev in B1, B2. unfold protected in *. congruence. }
  assert (Rg : forall k, Chan.reg t' w k = Chan.reg x' w k) by (apply (e_reg _ _ _ E L w Ev); unfold exists_bit; apply negb_true_iff, Z.eqb_neq, Ex).
  destruct (i_cpu _ J c) as [Ld Cc]; [exact N|]. destruct (i_cpu _ J' c) as [Ld' Cc']; [congruence|]. rewrite Ew in Ld', Cc'.
  split.
  - intros k K. rewrite (i_regs _ _ _ _ G k K), (i_regs _ _ _ _ G' k K). unfold greg. rewrite Pr, Pr'. specialize (Rg k). unfold Chan.reg in Rg.
    replace (inside k W_FP N_FP) with false in Rg; [exact Rg|]. symmetry. unfold inside. rewrite (proj2 (Z.leb_gt W_FP k)); [reflexivity|].
    unfold W_FP, W_GP in *. lia.
  - intros F F' k K. rewrite (r_fp _ _ _ _ R), (r_fp _ _ _ _ R') by exact K. specialize (Rg (W_FP + k)). unfold Chan.reg in Rg.
    replace (inside (W_FP + k) W_FP N_FP) with true in Rg by (symmetry; apply inside_spec; lia). fold w in Ld, Cc. rewrite Ld, Ld', Cc, Cc' in Rg.
    destruct (r_cpu_id _ _ _ _ R) as [_ C]. rewrite (r_cpu_fp _ _ _ _ R c C), (r_cpu_fp _ _ _ _ R' c C) in Rg.
    rewrite (proj2 (Z.eqb_neq _ _) F), (proj2 (Z.eqb_neq _ _) F') in Rg. exact Rg.
Qed.

(* A run can start where installation ends. *)
Theorem start_matches c s : Base.reg s "cpu_id" 0 = c -> is_cpu c -> fresh fixed s -> held s = false -> 0 <= installed_core < 2 ^ 64 ->
  reserve < 2 ^ 40 -> matches c (false, s) (boot (contents s)).
Proof.
  intros Ec C Fr H Bc Br. destruct (z_pool _ _ Fr) as (_ & _ & Pr & _). destruct (n_pool_base _ I) as (Pb & _ & Pp & Pe). unfold PAGE_BYTES, IPA_END in Pe.
  constructor; cbn [fst snd]; auto; [apply (start_related fixed I); auto|apply boot_sinv|].
  cbn [P boot]. assert (Z0 : forall n, 0 < n -> 0 <= 0 < n) by (intros; lia). assert (Cn : forall k, 0 <= cnt boot_pub k < 2 ^ 64).
  { intros k. unfold boot_pub. cbn [cnt]. repeat match goal with |- context [if ?b then _ else _] => destruct b end; lia. }
  constructor; try (intros; apply Z0; reflexivity); [| |exact Cn].
  - change (0 <= pool < 2 ^ 40). lia.
  - change (0 <= reserve < 2 ^ 40). lia.
Qed.
End NiCode.
