(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_VCPU_PUT does what the top machine does. *)
From KCore Require Import top.Chan.
From KCore Require Import code.Common code.Context code.Cpu code.Run code.VcpuLoad top.InvOwn.
From KCore Require Export sim.Answer sim.Load.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* A bank of registers in memory, by word of the page. *)
Lemma saved_word f b i n s p lo k : 0 <= n -> 
  word (save_bank f b i n (p + lo * 8) s) (p + k * 8) =
  if inside k lo n then f (k - lo) (Base.reg s b (i + (k - lo))) else word s (p + k * 8).
Proof.
  intros N. unfold save_bank, inside. cbn [word setwords]. replace (p + k * 8 - (p + lo * 8)) with ((k - lo) * 8) by lia.
  rewrite Z.div_mul, Z_mod_mult by lia. rewrite Z.eqb_refl, andb_true_r.
  destruct (Z.leb_spec lo k) as [A|A], (Z.ltb_spec k (lo + n)) as [B|B]; cbn [andb].
  - rewrite (proj2 (Z.leb_le _ _)), (proj2 (Z.ltb_lt _ _)) by lia. reflexivity.
  - rewrite (proj2 (Z.leb_le _ _)), (proj2 (Z.ltb_ge _ _)) by lia. reflexivity.
  - rewrite (proj2 (Z.leb_gt _ _)) by lia. reflexivity.
  - rewrite (proj2 (Z.leb_gt _ _)) by lia. reflexivity.
Qed.
Lemma saved_other f b i n s p lo x : 0 <= lo -> 0 <= n -> lo + n <= 512 -> (forall k, 0 <= k < 512 -> x <> p + k * 8) ->
  word (save_bank f b i n (p + lo * 8) s) x = word s x.
Proof.
  intros L N B D. unfold save_bank. cbn [word setwords].
  destruct ((p + lo * 8 <=? x) && (x <? p + lo * 8 + n * 8) && ((x - (p + lo * 8)) mod 8 =? 0)) eqn:E; [|reflexivity]. exfalso.
  props. assert (M : (x - (p + lo * 8)) mod 8 = 0) by assumption. apply Z.div_exact in M; [|lia].
  apply (D (lo + (x - (p + lo * 8)) / 8)); lia.
Qed.

Section Put.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation answers := (answers fixed).

(* ------------------------------------------------------------------ contents of pages and contexts *)

Record same_rest (s' s : state) : Prop := {
  m_cell : cell s' = cell s; m_reg : Base.reg s' = Base.reg s; m_s1 : Base.s1 s' = Base.s1 s; m_tab : Base.tab s' = Base.tab s;
  m_leaf : Base.leaf s' = Base.leaf s; m_table : Base.table s' = Base.table s
}.

(* What the host's page holds. *)
Lemma keep_page c s s' t pg f : Q c s t -> core pg = false -> same_rest s' s ->
  (forall x, (forall o, 0 <= o < 512 -> x <> pg * PAGE_BYTES + o * 8) -> word s' x = word s x) ->
  (forall o, 0 <= o < 512 -> word s' (pg * PAGE_BYTES + o * 8) = f o) ->
  Q c s' (mkst (P t) (set_mem (upd (mem (D t)) pg f) (D t))).
Proof.
  intros R C [Ec Er E1 E2 E3 E4] Wo Wi. pose proof R as R'. destruct R'.
  constructor; cbn [P D mem ctx fpm hreg io set_mem]; rewrite ?Ec, ?Er, ?E1, ?E2, ?E3; auto.
  - apply (pool_same fixed s s' (P t) (P t)); auto using Z.le_refl; intros; rewrite ?Ec; auto using Z.le_refl.
    apply Wo. intros o O E. apply (page_apart fixed I pg k o 0); auto; lia.
  - intros p o B K O. unfold upd. destruct (Z.eqb_spec p pg) as [->|N]; [apply Wi, O|]. rewrite Wo; [apply r_mem; auto|].
    intros o' O' E. apply N. unfold PAGE_BYTES in *. lia.
  - intros w k W A K. assert (H : has_context (P t) w) by (destruct A as (X & Y & _); split; auto).
    destruct (context_at fixed c s t w R H) as (j & J & E). rewrite Wo; [apply r_ctx; auto|]. intros o O. rewrite E.
    intros X. symmetry in X. revert X. apply page_apart; auto. unfold W_GP, W_FP, N_FP in K. lia.
  - intros G. specialize (r_vgic G). unfold vgic_fine in *. cbn [P D io hreg set_mem]. rewrite Er. exact r_vgic.
Qed.

(* What a protected vCPU's context holds; nothing of it that cells keep. *)
Lemma keep_context c s s' t w f : Q c s t -> has_context (P t) w -> same_rest s' s ->
  (forall x, (forall o, 0 <= o < 512 -> x <> cell s "vcpu_context" w + o * 8) -> word s' x = word s x) ->
  (forall k, 0 <= k < W_GP \/ W_FP <= k < W_FP + N_FP -> at_rest (P t) w -> word s' (cell s "vcpu_context" w + k * 8) = f k) ->
  (forall k, k = W_CNTVOFF \/ W_KEPT <= k < W_KEPT + 3 -> f k = ctx (D t) w k) ->
  Q c s' (mkst (P t) (set_ctx (upd (ctx (D t)) w f) (D t))).
Proof.
  intros R H [Ec Er E1 E2 E3 E4] Wo Wi Wk. destruct (context_at fixed c s t w R H) as (k & K & Kc).
  assert (Ap : forall j o i, 0 <= j < pool -> j <> k -> 0 <= o < 512 -> 0 <= i < 512 -> pool_at fixed j + o * 8 <> cell s "vcpu_context" w + i * 8).
  { intros j o i _ N O Hi. rewrite Kc. unfold pool_at, PAGE_BYTES. lia. }
  pose proof R as R'. destruct R'.
  constructor; cbn [P D mem ctx fpm hreg io set_ctx]; rewrite ?Ec, ?Er, ?E1, ?E2, ?E3; auto.
  - apply (pool_same fixed s s' (P t) (P t)); auto using Z.le_refl; intros; rewrite ?Ec; auto using Z.le_refl.
    apply Wo. intros o O E. destruct (Z.eq_dec k0 k) as [->|N].
    + match goal with N : ~ in_use _ _ _ |- _ => apply N end. right. exists w. auto.
    + apply (Ap k0 0 o ltac:(lia) N ltac:(lia) O). lia.
  - intros p o B Cp O. rewrite Wo; [apply r_mem; auto|]. intros i Hi. rewrite Kc. apply page_apart; auto.
  - intros x j X A J. unfold upd. destruct (Z.eqb_spec x w) as [->|N]; [apply Wi; auto|].
    assert (Hx : has_context (P t) x) by (destruct A as (Y1 & Y2 & _); split; auto).
    destruct (context_at fixed c s t x R Hx) as (i & Hi & E). rewrite Wo; [apply r_ctx; auto|]. intros o O. rewrite E.
    apply Ap; auto; [|unfold W_GP, W_FP, N_FP in J; lia]. intros ->. apply N. apply (p_contexts _ _ _ r_pool); auto. congruence.
  - intros v V Rd A. unfold upd. destruct (Z.eqb_spec (v * KCORE_VM_VCPUS) w) as [E|]; auto. rewrite Wk by auto. subst w. auto.
  - intros x X A. unfold upd. destruct (Z.eqb_spec x w) as [->|]; auto. rewrite !Wk by lia. auto.
  - intros G. specialize (r_vgic G). unfold vgic_fine in *. cbn [P D io hreg set_ctx]. rewrite Er. exact r_vgic.
Qed.

(* The FP registers of the CPU. *)
Lemma keep_fp c s x t : Q c s t ->
  Q c (fill_bank "fp" 0 NR_FP x s) (mkst (P t) (set_fpm (upd (fpm (D t)) c (fun _ => x)) (D t))).
Proof.
  intros R. pose proof R as R'. destruct R'. constructor; cbn [P D mem ctx fpm hreg io set_fpm]; auto.
  - apply (pool_same fixed s _ (P t) (P t)); auto using Z.le_refl.
  - intros k K. unfold upd. rewrite Z.eqb_refl. unfold fill_bank. cbn [Base.reg setregs String.eqb Ascii.eqb Bool.eqb andb].
    unfold N_FP, NR_FP in *. rewrite (proj2 (Z.leb_le 0 k)), (proj2 (Z.ltb_lt k (0 + 66))) by lia. reflexivity.
Qed.

(* ------------------------------------------------------------------ FP registers out of the machine *)

(* Whether they are there. *)
Lemma fp_same c s t : Q c s t -> u_fp (cpu (P t) c) = false -> Q c s (mkst (fp_release c (P t)) (D t)).
Proof.
  intros R F. set (p := fp_release _ _).
  assert (Ur : forall d, u_run (cpu p d) = u_run (cpu (P t) d)).
  { intros d. unfold p, fp_release. peel. unfold upd. destruct (Z.eqb_spec d c) as [->|]; reflexivity. }
  assert (Ar : forall x, at_rest p x -> at_rest (P t) x) by (intros x (X & Y & Z); split; [exact X|]; split; [exact Y|]; intros L;
    rewrite <- Ur; apply Z, L).
  assert (Hc : forall x, has_context p x -> has_context (P t) x) by (intros x X; exact X).
  unfold p, fp_release in *. clear p. related R.
Qed.
Lemma fp_gone c s t : Q c s t -> Q c (setcell "cpu_fp" c 0 s) (mkst (fp_release c (P t)) (D t)).
Proof.
  intros R. set (p := fp_release _ _).
  assert (Ur : forall d, u_run (cpu p d) = u_run (cpu (P t) d)).
  { intros d. unfold p, fp_release. peel. unfold upd. destruct (Z.eqb_spec d c) as [->|]; reflexivity. }
  assert (Ar : forall x, at_rest p x -> at_rest (P t) x) by (intros x (X & Y & Z); split; [exact X|]; split; [exact Y|]; intros L;
    rewrite <- Ur; apply Z, L).
  assert (Hc : forall x, has_context p x -> has_context (P t) x) by (intros x X; exact X).
  unfold p, fp_release in *. clear p. related R.
Qed.

Lemma drop_related c s t w : Q c s t -> sound -> inv (P t) -> w = u_vcpu (cpu (P t) c) -> w <> NO_VCPU ->
  is_vcpu w -> Q c (drop_fp c w s) (mkst (fp_release c (P t)) (do_effects (fp_effect c (P t)) (D t))).
Proof.
  intros R B J Ew N W. destruct (r_cpu_id _ _ _ _ R) as [_ C]. pose proof (r_cpu_fp _ _ _ _ R c C) as F.
  destruct (i_cpu _ J c) as [Ld _]; [congruence|]. rewrite <- Ew in Ld. assert (Ex : c_state (vcpu (P t) w) <> VCPU_FREE) by (rewrite Ld; discriminate).
  destruct (vcpu_areas fixed I c s t w R J W Ex) as (_ & _ & G). pose proof (vcpu_page_host fixed c s t w R J Ex) as Cg.
  unfold fp_effect, drop_fp. rewrite <- Ew, F. destruct (Z.eqb_spec (cell s "cpu_fp" c) 0) as [E0|E0]; cbn [negb].
  { apply (fp_same c s t R). rewrite F. reflexivity. }
  unfold release_fp. set (s1 := record "isb" [] (setreg "cptr" 0 (Base.reg s "host_cptr" 0) s)).
  assert (R1 : Q c s1 t) by (apply (keep_regs fixed c s); auto; [other_regs|exact (r_vgic _ _ _ _ R)]).
  change (cell s "vcpu_context" w + CTX_FPSR) with (cell s1 "vcpu_context" w + W_FP * 8).
  set (s2 := save_bank (fun _ => whole) "fp" 0 NR_FP (cell s1 "vcpu_context" w + W_FP * 8) s1).
  assert (Sr : same_rest s2 s1) by (constructor; reflexivity).
  assert (Fr : forall k, inside k W_FP N_FP = true -> Base.reg s1 "fp" (0 + (k - W_FP)) = fpm (D t) c k).
  { intros k K. apply inside_spec in K. rewrite (r_fp _ _ _ _ R1) by lia. f_equal. lia. }
  destruct (protected (P t) (vm_of w)) eqn:Pr.
  - assert (H : has_context (P t) w) by (split; [exact W|]; split; [exact Ex|exact Pr]).
    unfold ensure. rewrite B. cbn [orb do_effects fold_left do_effect].
    pose proof (keep_context c s1 s2 t w (fun k => if inside k W_FP N_FP then fpm (D t) c k else ctx (D t) w k) R1 H Sr) as X.
    apply (fp_gone c _ (mkst _ _)). apply (keep_fp c _ 0 (mkst _ _)) in X; [exact X| | |].
    + intros x Hx. apply saved_other; auto; unfold W_FP, NR_FP; lia.
    + intros k K A. unfold s2. rewrite saved_word by (unfold NR_FP; lia). change NR_FP with N_FP. unfold whole.
      destruct (inside k W_FP N_FP) eqn:In_; [apply Fr, In_|]. apply (r_ctx _ _ _ _ R1); auto.
    + intros k K. replace (inside k W_FP N_FP) with false; [reflexivity|]. symmetry. destruct (inside k W_FP N_FP) eqn:In_; auto.
      apply inside_spec in In_. unfold W_FP, N_FP, W_CNTVOFF, W_KEPT in *. lia.
  - specialize (G eq_refl). set (pg := c_page (vcpu (P t) w)) in *. cbn [do_effects fold_left do_effect].
    assert (Ec : cell s1 "vcpu_context" w = pg * PAGE_BYTES) by exact G.
    pose proof (keep_page c s1 s2 t pg (fun k => if inside k W_FP N_FP then fpm (D t) c k else mem (D t) pg k) R1 Cg Sr) as X.
    apply (fp_gone c _ (mkst _ _)). apply (keep_fp c _ 0 (mkst _ _)) in X; [exact X| |].
    + intros x Hx. unfold s2. rewrite Ec. apply saved_other; auto; unfold W_FP, NR_FP; lia.
    + intros o O. unfold s2. rewrite Ec, saved_word by (unfold NR_FP; lia). change NR_FP with N_FP. unfold whole.
      destruct (inside o W_FP N_FP) eqn:In_; [apply Fr, In_|]. apply (page_word fixed c s1 t); auto.
      eapply (vcpu_page_below fixed I); eauto.
Qed.

(* ------------------------------------------------------------------ the virtual GIC to the page *)

Definition gic_saved (pa : Z) (s : state) : state :=
  save_bank (fun _ => whole) "ap1r" 0 (nr_apr s) (vgic pa 8) (save_bank (fun _ => whole) "ap0r" 0 (nr_apr s) (vgic pa 4)
    (if word s (vgic pa 2) =? 0 then s else setword (vgic pa 1) (Base.reg s "ich_vmcr" 0) s)).
Lemma gic_saved_rest pa s : same_rest (gic_saved pa s) s /\ held (gic_saved pa s) = held s.
Proof. unfold gic_saved. destruct (_ =? 0); (split; [constructor|]; reflexivity). Qed.

Lemma save_related c s t w pg : Q c s t -> gicv3 = true -> w = u_vcpu (cpu (P t) c) -> w <> NO_VCPU -> core pg = false -> 0 <= pg < 268435456 ->
  Q c (gic_saved (pg * PAGE_BYTES) s) (mkst (P t) (set_mem (upd (mem (D t)) pg (vgic_saved (mem (D t) pg) (io (D t) w))) (D t))).
Proof.
  intros R G Ew N C B. destruct (r_vgic _ _ _ _ R G) as (_ & _ & V). rewrite <- Ew in V. destruct (V N) as (V1 & V2). clear V.
  destruct (gic_saved_rest (pg * PAGE_BYTES) s) as [Sr _]. pose proof nr_aprs_range as A.
  assert (Wd : forall o, 0 <= o < 512 -> word s (pg * PAGE_BYTES + o * 8) = mem (D t) pg o) by (intros o O; apply (page_word fixed c s t); auto).
  apply (keep_page c s); auto; unfold gic_saved; rewrite (nr_apr_eq fixed I c s t R), !vgic_at.
  - intros x Hx. rewrite saved_other, saved_other by (auto; unfold W_HCR; lia). destruct (_ =? 0); [reflexivity|]. rewrite word_setword.
    rewrite (proj2 (Z.eqb_neq _ _)); [reflexivity|]. apply Hx. unfold W_HCR. lia.
  - intros o O. rewrite !saved_word by lia. unfold vgic_saved, is_apr. rewrite G. cbn [andb].
    change (W_HCR + 8) with W_AP1R. change (W_HCR + 4) with W_AP0R. change (W_HCR + 2) with W_SRE. change (W_HCR + 1) with W_VMCR.
    rewrite (Wd W_SRE) by (unfold W_SRE; lia). unfold whole.
    set (u := if mem (D t) pg W_SRE =? 0 then s else _).
    assert (Ru : Base.reg (save_bank (fun _ x => x) "ap0r" 0 nr_aprs (pg * PAGE_BYTES + W_AP0R * 8) u) = Base.reg s /\ Base.reg u = Base.reg s)
      by (unfold u; destruct (_ =? 0); split; reflexivity).
    destruct Ru as [Ru1 Ru2]. rewrite Ru1, Ru2. destruct (inside o W_AP1R nr_aprs) eqn:In1.
    { rewrite !orb_true_r, Z.add_0_l. apply inside_spec in In1. destruct (V2 (o - W_AP1R) ltac:(lia)) as [_ ->]. f_equal. lia. }
    destruct (inside o W_AP0R nr_aprs) eqn:In0.
    { cbn [orb]. rewrite !orb_true_r, Z.add_0_l. apply inside_spec in In0. destruct (V2 (o - W_AP0R) ltac:(lia)) as [-> _]. f_equal. lia. }
    cbn [orb]. rewrite orb_false_r. unfold u. destruct (Z.eqb_spec (mem (D t) pg W_SRE) 0) as [S0|S0]; cbn [negb].
    + rewrite andb_false_r. apply Wd, O.
    + rewrite andb_true_r, word_setword. destruct (Z.eqb_spec o W_VMCR) as [->|No]; [rewrite Z.eqb_refl; exact V1|].
      rewrite (proj2 (Z.eqb_neq _ _)) by lia. apply Wd, O.
Qed.

(* ------------------------------------------------------------------ the call *)

Lemma unloaded_related c s t w : Q c s t -> inv (P t) -> w = u_vcpu (cpu (P t) c) -> w <> NO_VCPU -> is_vcpu w -> u_run (cpu (P t) c) = false ->
  (gicv3 = true -> Base.reg s "ich_vmcr" 0 = hreg (D t) c R_VMCR) ->
  Q c (bump "vm_loaded" 32 (vm_of w) (-1) (setcell "vcpu_state" w VCPU_READY (setcell "cpu_vcpu" c NO_VCPU s)))
    (mkst (change_vm (vm_of w) (fun r => vm_with_loaded (v_loaded r - 1) r)
       (change_vcpu w (vcpu_with_state VCPU_READY 0) (change_cpu c (cpu_with_vcpu NO_VCPU) (P t)))) (D t)).
Proof.
  intros R J Ew N W U V. destruct (i_cpu _ J c) as [Ld Cc]; [congruence|]. rewrite <- Ew in Ld, Cc.
  set (p := change_vm _ _ _).
  assert (Pr : forall x, protected p x = protected (P t) x).
  { intros x. unfold protected, p. peel. unfold upd. destruct (Z.eqb_spec x (vm_of w)) as [->|]; reflexivity. }
  assert (Ur : forall d, u_run (cpu p d) = u_run (cpu (P t) d)).
  { intros d. unfold p. peel. unfold upd. destruct (Z.eqb_spec d c) as [->|]; reflexivity. }
  assert (Ar : forall x, at_rest p x -> at_rest (P t) x).
  { intros x (X1 & X2 & X3). rewrite Pr in X2. rewrite Ur in X3. unfold p in X1, X3. cbn in X1, X3. unfold upd in X1, X3.
    destruct (Z.eqb_spec x w) as [E|M]; cbn in X1, X3.
    - rewrite E. split; [rewrite Ld; discriminate|]. split; [rewrite <- E; exact X2|]. rewrite Cc. auto.
    - split; [exact X1|]. split; [exact X2|exact X3]. }
  assert (Hc : forall x, has_context p x -> has_context (P t) x).
  { intros x (X1 & X2 & X3). rewrite Pr in X3. split; [exact X1|]. split; [|exact X3]. unfold p in X2. cbn in X2. unfold upd in X2.
    destruct (Z.eqb_spec x w) as [E|M]; cbn in X2; [rewrite E, Ld; discriminate|exact X2]. }
  assert (Ct : forall x, c_state (vcpu p x) <> VCPU_FREE -> c_state (vcpu (P t) x) <> VCPU_FREE).
  { intros x. unfold p. peel. unfold upd. destruct (Z.eqb_spec x w) as [->|]; cbn; [rewrite Ld; discriminate|auto]. }
  set (s' := bump _ _ _ _ _).
  assert (Vg : vgic_fine c s' (mkst p (D t))).
  { intros G. destruct (r_vgic _ _ _ _ R G) as (V1 & _). cbv zeta. cbn [P D]. replace (u_vcpu (cpu p c)) with NO_VCPU.
    2: { unfold p. peel. unfold upd. now rewrite Z.eqb_refl. }
    split; [exact V1|]. split; [intros _; apply V, G|]. intros X. destruct (X eq_refl). }
  unfold p, s' in *. clear p s' Pr Ur. related R.
  all: first [apply r_context; [assumption|rewrite Ld; discriminate|assumption] | apply r_vcpu_esr; [assumption|]; intros Pe;
    match goal with H : c_pending _ <> PENDING_NONE |- _ => apply H end; cbn; unfold upd;
    match goal with |- context [?a =? ?b] => destruct (Z.eqb_spec a b) end; cbn; first [exact Pe | congruence] ].
Qed.

Lemma put_sim c s t : Q c s t -> held s = false -> sound -> inv (P t) -> u_run (cpu (P t) c) = false ->
  answers c t (s_hc_vcpu_put [] s) (vcpu_put c (P t)).
Proof.
  intros R H B J U. destruct (r_cpu_id _ _ _ _ R) as [Ec C]. unfold s_hc_vcpu_put, vcpu_put, is. rewrite Ec.
  replace (cpu_ok c) with true by (symmetry; unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  rewrite (r_cpu_vcpu _ _ _ _ R c C), (r_fixed _ _ _ _ R "has_gicv3") by (cbn; tauto). rewrite <- (n_gic _ I).
  set (w := u_vcpu (cpu (P t) c)). destruct (Z.eqb_spec w NO_VCPU) as [E|N].
  { eexists _, _. split; [reflexivity|]. apply unchanged; auto. }
  destruct (i_cpu _ J c N) as [Ld Cc]. fold w in Ld, Cc. assert (Ex : c_state (vcpu (P t) w) <> VCPU_FREE) by (rewrite Ld; discriminate).
  assert (W : is_vcpu w).
  { destruct (vcpu_is_vcpu (P t) w J Ex) as [V _]. unfold is_vm, is_vcpu, vm_of, KCORE_NR_VMS, KCORE_NR_VCPUS, KCORE_VM_VCPUS in *.
    pose proof (Z.div_mod w 16 ltac:(lia)). pose proof (Z.mod_pos_bound w 16 ltac:(lia)). lia. }
  destruct (vcpu_areas fixed I c s t w R J W Ex) as (Mm & _). rewrite Mm, H. cbn [negb andb].
  pose proof (vcpu_page_host fixed c s t w R J Ex) as Cg. pose proof (vcpu_page_below fixed I c s t w R J Ex) as Lp.
  rewrite (r_vcpu_page _ _ _ _ R w W). set (pg := c_page (vcpu (P t) w)) in *. change (w / KCORE_VM_VCPUS) with (vm_of w).
  pose proof (drop_related c s t w R B J eq_refl N W) as R1. set (s1 := drop_fp c w s) in *.
  set (t1 := mkst (fp_release c (P t)) (do_effects (fp_effect c (P t)) (D t))) in *.
  assert (J1 : inv (P t1)) by (apply InvStep.fp_release_inv, J).
  assert (H1 : held s1 = false) by (unfold s1; rewrite drop_held; exact H).
  assert (U1 : u_vcpu (cpu (P t1) c) = w /\ u_run (cpu (P t1) c) = false).
  { cbn [t1 P]. unfold fp_release. peel. unfold upd. rewrite Z.eqb_refl. auto. }
  destruct U1 as [U1 U2]. set (d2 := do_effects [VgicSave c w pg] (D t1)).
  assert (Sv : exists s2, (if gicv3 then p_gic_state_save plain [pg * PAGE_BYTES] s1 else Ok (0, s1)) = Ok (0, s2) /\ held s2 = false /\
    Q c s2 (mkst (P t1) d2) /\ (gicv3 = true -> Base.reg s2 "ich_vmcr" 0 = hreg d2 c R_VMCR)).
  { destruct gicv3 eqn:G.
    - exists (gic_saved (pg * PAGE_BYTES) s1). unfold p_gic_state_save. rewrite (ctx_context _ _ (page_area fixed I c s1 t1 pg R1 Lp Cg)).
      destruct (gic_saved_rest (pg * PAGE_BYTES) s1) as [[S1 S2 S3 S4 S5 S6] S7]. split; [reflexivity|]. split; [rewrite S7; exact H1|].
      pose proof (save_related c s1 t1 w pg R1 G (eq_sym U1) N Cg Lp) as R2.
      assert (Vm : Base.reg (gic_saved (pg * PAGE_BYTES) s1) "ich_vmcr" 0 = hreg d2 c R_VMCR).
      { rewrite S2. destruct (r_vgic _ _ _ _ R1 G) as (_ & _ & V). rewrite U1 in V. destruct (V N) as [-> _].
        unfold d2. cbn [do_effects fold_left do_effect hreg set_hreg]. unfold upd. now rewrite !Z.eqb_refl. }
      split; [|intros _; exact Vm]. apply (keep_gic fixed c _ _ _ (mkst (P t1) d2) R2); auto.
      + intros n Hn. unfold d2. cbn [do_effects fold_left do_effect D hreg set_hreg set_mem]. unfold upd. rewrite Z.eqb_refl.
        rewrite (proj2 (Z.eqb_neq n R_VMCR)) by (unfold R_VMCR; lia). reflexivity.
      + intros G'. specialize (r_vgic _ _ _ _ R2 G') as (V1 & _ & V3). cbv zeta in *. cbn [P D] in *. split; [exact V1|].
        split; [intros X; rewrite U1 in X; contradiction|exact V3].
    - exists s1. split; [reflexivity|]. split; [exact H1|]. split; [|discriminate].
      apply (keep_gic fixed c s1 s1 (mkst (P t1) (set_mem (upd (mem (D t1)) pg (vgic_saved (mem (D t1) pg) (io (D t1) w))) (D t1))) (mkst (P t1) d2)); auto.
      + apply (keep_page c s1); auto; [constructor; reflexivity|]. intros o O. unfold vgic_saved. rewrite G. cbn [andb].
        apply (page_word fixed c s1 t1); auto.
      + intros n Hn. unfold d2. cbn [do_effects fold_left do_effect D hreg set_hreg set_mem]. unfold upd. rewrite Z.eqb_refl.
        rewrite (proj2 (Z.eqb_neq n R_VMCR)) by (unfold R_VMCR; lia). reflexivity.
      + intros G'. congruence. }
  destruct Sv as (s2 & -> & H2 & R2 & V2). cbn [bind]. unfold section. change (held (setreg "cntvoff" 0 0 s2)) with (held s2). rewrite H2. cbn [negb bind].
  eexists _, _. split; [reflexivity|].
  exists (fp_effect c (P t) ++ [VgicSave c w pg])%list. do 2 eexists. split; [reflexivity|]. split; [reflexivity|].
  apply keep_hold; auto. rewrite do_app. fold d2.
  assert (R3 : Q c (sethold true (setreg "cntvoff" 0 0 s2)) (mkst (P t1) d2)).
  { apply keep_hold; auto. apply (keep_regs fixed c s2); auto; [other_regs|exact (r_vgic _ _ _ _ R2)]. }
  apply (unloaded_related c _ (mkst (P t1) d2) w R3); auto.
Qed.
End Put.
