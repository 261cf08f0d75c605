(* SPDX-License-Identifier: GPL-2.0-only *)
(* A guest's first use of FP since its vCPU was loaded: its FP registers come, and it goes on. *)
From KCore Require Import code.Common code.Stats code.Context code.Cpu code.Run code.RunExit code.GuestExit top.InvOwn.
From KCore Require Import top.Guest top.Chan.
From KCore Require Export sim.Exits sim.Enter.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section GuestFp.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* Who runs, and where its registers are. *)
Lemma running_here c s t w : running c s t w -> Q c s t -> inv (P t) ->
  is_vcpu w /\ c_state (vcpu (P t) w) <> VCPU_FREE /\ cell s "cpu_vcpu" c = w /\ w <> NO_VCPU.
Proof.
  intros [[U Ew] _ _] R J. destruct (r_cpu_id _ _ _ _ R) as [_ C]. pose proof (i_run _ J c U) as N.
  destruct (i_cpu _ J c N) as [Ld _]. rewrite Ew in N, Ld. assert (Ex : c_state (vcpu (P t) w) <> VCPU_FREE) by (rewrite Ld; discriminate).
  split; [|split; [exact Ex|split; [rewrite (r_cpu_vcpu _ _ _ _ R c C); exact Ew|exact N]]]. destruct (vcpu_is_vcpu (P t) w J Ex) as [V _].
  unfold is_vm, is_vcpu, vm_of, KCORE_NR_VMS, KCORE_NR_VCPUS, KCORE_VM_VCPUS in *.
  pose proof (Z.div_mod w 16 ltac:(lia)). pose proof (Z.mod_pos_bound w 16 ltac:(lia)). lia.
Qed.

(* FP registers from memory. *)
Lemma keep_fp_loaded c s a f t : Q c s t -> (forall k, W_FP <= k < W_FP + N_FP -> word s (a + k * 8) = f k) ->
  Q c (load_bank whole "fp" 0 NR_FP (a + CTX_FPSR) s) (mkst (P t) (set_fpm (upd (fpm (D t)) c f) (D t))).
Proof.
  intros R F. pose proof R as R'. destruct R'. constructor; cbn [P D mem ctx fpm hreg io set_fpm]; auto.
  - apply (pool_same fixed s _ (P t) (P t)); auto using Z.le_refl.
  - intros k K. unfold upd. rewrite Z.eqb_refl. unfold load_bank. cbn [Base.reg setregs String.eqb Ascii.eqb Bool.eqb andb].
    rewrite <- F by lia. unfold N_FP, NR_FP, whole, CTX_FPSR, W_FP in *. rewrite (proj2 (Z.leb_le 0 k)), (proj2 (Z.ltb_lt k (0 + 66))) by lia.
    cbn [andb]. f_equal. lia.
Qed.
Lemma fp_here c s t : Q c s t -> Q c (setcell "cpu_fp" c 1 s) (mkst (change_cpu c (cpu_with_fp true) (P t)) (D t)).
Proof.
  intros R. set (p := change_cpu _ _ _).
  assert (Ur : forall d, u_run (cpu p d) = u_run (cpu (P t) d)).
  { intros d. unfold p. peel. unfold upd. destruct (Z.eqb_spec d c) as [->|]; reflexivity. }
  assert (Ar : forall x, at_rest p x -> at_rest (P t) x) by (intros x (X & Y & Z); split; [exact X|]; split; [exact Y|]; intros L;
    rewrite <- Ur; apply Z, L).
  assert (Hc : forall x, has_context p x -> has_context (P t) x) by (intros x X; exact X).
  unfold p in *. clear p. related R.
Qed.

Theorem guest_fp_code c s t w f : running c s t w -> Q c s t -> inv (P t) ->
  ec (Base.reg s "esr" 0) = EC_FP -> cell s "cpu_fp" c = 0 ->
  exists s', link L1 above "guest_exit" [0] s = Ok (1, s') /\ held s' = held s /\ step (G c (OFp f)) t = Ok (fp_trap c w t) /\
    Q c s' (fp_trap c w t) /\ running c s' (fp_trap c w t) w.
Proof.
  intros G R J S F. destruct (running_here c s t w G R J) as (W & Ex & Ec & N). destruct G as [[U Ew] Gr Ga].
  destruct (r_cpu_id _ _ _ _ R) as [Ei C]. pose proof (r_cpu_fp _ _ _ _ R c C) as Fp. rewrite F in Fp.
  destruct (vcpu_areas fixed I c s t w R J W Ex) as (Mm & _ & Gn). pose proof (vcpu_page_host fixed c s t w R J Ex) as Cg.
  pose proof (vcpu_page_below fixed I c s t w R J Ex) as Lp.
  assert (Co : cpu_ok c = true) by (unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  set (s1 := stat_add c KCORE_STAT_exit_fp s). set (ct := cell s "vcpu_context" w).
  set (s2 := record "isb" [] (setreg "cptr" 0 0x401033ff s1)).
  set (s3 := setcell "cpu_fp" c 1 (load_bank whole "fp" 0 NR_FP (ct + CTX_FPSR) s2)).
  set (s3' := fpexc_loaded w s1 s3). set (s4 := stat_add c KCORE_STAT_exit_local s3').
  assert (E : s_guest_exit [0] s = Ok (1, s4)).
  { unfold s_guest_exit. rewrite Ei, Co. cbv zeta. rewrite Ec, (proj2 (Z.eqb_neq w NO_VCPU) N), Mm. cbn [negb Z.eqb].
    unfold exit_synchronous. cbv zeta. rewrite S, F. unfold s_guest_fp_trap. rewrite Co.
    change (vcpu_mem (stat_add c (cause_of EC_FP) s) w) with (vcpu_mem s w). rewrite Mm. reflexivity. }
  assert (F4 : cell s4 = cell (stat_add c KCORE_STAT_exit_local s3) /\ word s4 = word s /\ held s4 = held s /\
    forall i, Base.reg s4 "el1" i = Base.reg s "el1" i).
  { unfold s4, s3', fpexc_loaded. destruct (narrow _); repeat split; reflexivity. }
  destruct F4 as (C4 & W4 & H4 & Rg4).
  apply (does_ok _ _ _ _ _ does_guest_exit) in E. exists s4. split; [exact E|]. split; [exact H4|]. split.
  { cbn [step]. rewrite U, Ew, (proj2 (Z.eqb_neq _ _) N). unfold guest_step. rewrite Fp. reflexivity. }
  assert (R1 : Q c s1 (mkst (add_stat c KCORE_STAT_exit_fp (P t)) (D t))).
  { apply keep_stat; auto. unfold KCORE_STAT_exit_fp, KCORE_NR_STATS. lia. }
  assert (R2 : Q c s2 (mkst (add_stat c KCORE_STAT_exit_fp (P t)) (D t))).
  { apply (keep_regs fixed c s1); auto; [other_regs|exact (r_vgic _ _ _ _ R1)]. }
  assert (Wd : forall k, W_FP <= k < W_FP + N_FP -> word s2 (ct + k * 8) = if inside k W_FP N_FP then greg t w k else fpm (D t) c k).
  { intros k K. rewrite (proj2 (inside_spec k W_FP N_FP) K). change (word s2) with (word s). unfold greg.
    destruct (protected (P t) (vm_of w)) eqn:Pr; [apply (a_fp _ _ _ (Ga eq_refl)), K|]. unfold ct. rewrite (Gn eq_refl).
    apply (page_word fixed c s t); auto. unfold W_FP, N_FP in K. lia. }
  pose proof (keep_fp_loaded c s2 ct _ _ R2 Wd) as R3. cbn [P D] in R3. apply fp_here in R3. cbn [P D] in R3. fold s3 in R3.
  apply (keep_stat fixed c c KCORE_STAT_exit_local) in R3; [|exact C|unfold KCORE_STAT_exit_local, KCORE_NR_STATS; lia].
  cbn [P D] in R3. assert (R4 : Q c s4 (fp_trap c w t)).
  { unfold s4, s3', fpexc_loaded. destruct (narrow _); [|exact R3].
    apply (keep_regs fixed c (stat_add c KCORE_STAT_exit_local s3)); try reflexivity; [exact R3|other_regs|exact (r_vgic _ _ _ _ R3)]. }
  split; [exact R4|]. constructor.
  - unfold fp_trap. cbn [P]. unfold add_stat, change_cpu, set_cpu, upd. cbn [cpu]. rewrite Z.eqb_refl. split; [exact U|exact Ew].
  - intros k K. rewrite C4. change (greg (fp_trap c w t) w k) with (greg t w k). rewrite <- (Gr k K). unfold Context.live, Context.words_of.
    rewrite W4, Rg4. reflexivity.
  - intros Pr. apply (aside_same s s4 t); rewrite ?C4, ?W4; auto.
    intros n i In_. cbn [In] in In_. repeat (destruct In_ as [<-|In_]; [reflexivity|]). destruct In_.
Qed.
End GuestFp.
