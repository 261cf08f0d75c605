(* SPDX-License-Identifier: GPL-2.0-only *)
(* Calls that only read do what the top machine does: STATS_READ, INFO, LOG_READ, VGIC_VMCR_READ. *)
From KCore Require Import code.Common code.Log code.Stats code.Cpu code.VcpuLoad.
From KCore Require Export sim.Answer.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Reads.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation answers := (answers fixed).

(* ------------------------------------------------------------------ STATS_READ *)

(* The sum over the first n CPUs. *)
Lemma total_sum c s t id n : Q c s t -> 0 <= id < KCORE_NR_STATS -> id <> KCORE_STAT_el2_max -> Z.of_nat n <= KCORE_MAX_CPUS ->
  total s id n = fold_right Z.add 0 (map (fun d => stat (P t) d id) (range 0 n)) mod 2 ^ 64.
Proof.
  intros R K N. induction n as [|n IH]; intros B; [reflexivity|]. cbn [total].
  rewrite (proj2 (Z.eqb_neq _ _) N). cbn [negb].
  change (stat_at (Z.of_nat n) id) with (Z.of_nat n * KCORE_NR_STATS + id).
  rewrite (r_stat _ _ _ _ R (Z.of_nat n) id) by (unfold is_cpu, KCORE_MAX_CPUS in *; lia || assumption).
  rewrite IH by lia. rewrite <- Zplus_mod. f_equal. unfold range. rewrite seq_S, map_app, map_app, fold_right_app. cbn [map fold_right].
  assert (G : forall l a, fold_right Z.add 0 l + a = fold_right Z.add a l).
  { induction l as [|y l IHl]; intros a; cbn [fold_right]; [lia|]. specialize (IHl a). lia. }
  rewrite Z.add_0_r. apply G.
Qed.

(* The clock's part: the longest time at EL2 so far. *)
Lemma stats_sim c s t id : Q c s t -> held s = false -> fits (P t) -> 0 <= id ->
  answers c t (s_hc_stats_read [id] s) (done c (stats_read id (stat_total s KCORE_STAT_el2_max) (P t)) (P t)).
Proof.
  intros R H F N. unfold s_hc_stats_read. rewrite (proj2 (Z.leb_le 0 id) N). unfold Stats.stats_read, stats_read, is.
  rewrite (proj2 (Z.ltb_ge id 0) N). cbn [orb].
  assert (Un : forall r x, r = x -> answers c t (Ok (r, s)) (done c x (P t))).
  { intros r x ->. exists x, s. split; [reflexivity|]. apply unchanged; auto. }
  assert (Cn : forall k, cnt (P t) k mod 2 ^ 64 = cnt (P t) k) by (intros k; apply Z.mod_small, (f_cnt _ F)).
  destruct (Z.leb_spec KCORE_NR_STATS id) as [|B]; [apply Un; reflexivity|].
  destruct (Z.eqb_spec id KCORE_STAT_el2_max) as [->|M]; [apply Un; reflexivity|]. cbn [existsb].
  destruct (Z.eqb_spec id KCORE_STAT_pages_core) as [->|_].
  { apply Un. rewrite (r_fixed _ _ _ _ R) by (cbn; tauto). rewrite (n_core_pages _ I). symmetry. apply (r_core_pages _ _ _ _ R). }
  destruct (Z.eqb_spec id KCORE_STAT_pages_vm) as [->|_]; [apply Un; rewrite (r_pages_vm _ _ _ _ R); apply Cn|].
  destruct (Z.eqb_spec id KCORE_STAT_pool_free) as [->|_]; [apply Un; rewrite (r_pool_free _ _ _ _ R); apply Cn|].
  destruct (Z.eqb_spec id KCORE_STAT_pool_total) as [->|_].
  { apply Un. rewrite (r_fixed _ _ _ _ R) by (cbn; tauto). rewrite (n_pool _ I). symmetry. apply (r_pool_total _ _ _ _ R). }
  destruct (Z.eqb_spec id KCORE_STAT_vms) as [->|_]; [apply Un; rewrite (r_vms _ _ _ _ R); apply Cn|].
  destruct (Z.eqb_spec id KCORE_STAT_vcpus) as [->|_]; [apply Un; rewrite (r_vcpus _ _ _ _ R); apply Cn|].
  destruct (Z.eqb_spec id KCORE_STAT_pages_scrubbed) as [->|_]; [apply Un; rewrite (r_scrubbed _ _ _ _ R); apply Cn|].
  cbn [orb]. apply Un. unfold stat_total. rewrite (total_sum c s t id _ R) by (auto; reflexivity || lia).
  apply Z.mod_small, (f_stat _ F).
Qed.

(* ------------------------------------------------------------------ INFO *)

Lemma info_sim c s t which : Q c s t -> held s = false -> 0 <= which ->
  answers c t (s_hc_info [which] s) (done c (info_read c which) (P t)).
Proof.
  intros R H N. destruct (r_cpu_id _ _ _ _ R) as [_ C]. destruct (n_info _ I c C) as (I0 & I1 & I2 & I3 & I4 & I5).
  assert (E : Stats.info which s = info_read c which).
  { unfold Stats.info, info_read. rewrite (proj2 (Z.leb_le 0 which) N). cbn [andb].
    rewrite !(r_fixed _ _ _ _ R) by (cbn; tauto). destruct (r_host _ _ _ _ R) as [_ ->].
    destruct (Z.eqb_spec which KCORE_INFO_ICH_VTR) as [->|A0]; [symmetry; exact I0|].
    destruct (Z.eqb_spec which KCORE_INFO_MDCR) as [->|A1]; [symmetry; exact I1|].
    destruct (Z.eqb_spec which KCORE_INFO_REGION_BASE) as [->|A2]; [symmetry; exact I2|].
    destruct (Z.eqb_spec which KCORE_INFO_REGION_SIZE) as [->|A3]; [symmetry; exact I3|].
    destruct (Z.eqb_spec which KCORE_INFO_IMAGE_SIZE) as [->|A4]; [symmetry; exact I4|].
    destruct (Z.eqb_spec which KCORE_INFO_SIGNED_ONLY) as [->|A5]; [symmetry; exact I5|].
    unfold KCORE_INFO_SIGNED_ONLY, KCORE_INFO_ICH_VTR, KCORE_INFO_MDCR, KCORE_INFO_REGION_BASE, KCORE_INFO_REGION_SIZE, KCORE_INFO_IMAGE_SIZE, KCORE_INFO_NR in *.
    destruct (Z.ltb_spec which 6); [lia|reflexivity]. }
  unfold s_hc_info. rewrite E. eexists _, _. split; [reflexivity|]. apply unchanged; auto.
Qed.

(* ------------------------------------------------------------------ LOG_READ *)

Lemma log_read_sim c s t seq : Q c s t -> held s = false -> fits (P t) -> 0 <= seq ->
  answers c t (s_hc_log_read [seq] s) (log_read c seq (cell s "log_time" (seq mod LOG_ENTRIES)) (P t)).
Proof.
  intros R H F N. unfold s_hc_log_read. set (time := cell s "log_time" (seq mod LOG_ENTRIES)).
  pose proof (f_log _ F) as L. pose proof (r_log_next _ _ _ _ R) as Ln. rewrite Z.mod_small in Ln by lia.
  set (n := Z.of_nat (length (logged (P t)))) in *.
  replace ((0 <=? seq) && (cell s "log_next" 0 <? 2 ^ 64)) with true by (symmetry; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  apply section_answers; auto. assert (R1 : Q c (sethold true s) t) by (apply keep_hold; auto).
  set (s1 := sethold true s) in *. assert (H1 : held s1 = true) by reflexivity.
  unfold Log.log_read, log_read. fold n. change (cell s1 "log_next" 0) with (cell s "log_next" 0). rewrite Ln.
  destruct (Z.leb_spec n seq) as [A|A]; [apply unchanged_in; auto|].
  destruct (Z.ltb_spec LOG_ENTRIES (n - seq)) as [B|B].
  - rewrite (proj2 (Z.leb_gt (n - seq) LOG_ENTRIES) B). apply unchanged_in; auto.
  - rewrite (proj2 (Z.leb_le (n - seq) LOG_ENTRIES) B). set (k := Z.to_nat (n - 1 - seq)).
    assert (Kn : Z.of_nat k = n - 1 - seq) by (unfold k; lia).
    destruct (nth_error (logged (P t)) k) as [[[e a] b]|] eqn:E.
    2: { apply nth_error_None in E. exfalso. lia. }
    destruct (r_log _ _ _ _ R k e a b ltac:(unfold LOG_ENTRIES in B; lia) E) as (E1 & E2 & E3). fold n in E1, E2, E3.
    replace (n - 1 - Z.of_nat k) with seq in E1, E2, E3 by lia.
    change (cell s1 "log_time" (seq mod LOG_ENTRIES)) with time. change (cell s1 "log_b" (seq mod LOG_ENTRIES)) with (cell s "log_b" (seq mod LOG_ENTRIES)).
    change (cell s1 "log_a" (seq mod LOG_ENTRIES)) with (cell s "log_a" (seq mod LOG_ENTRIES)).
    change (cell s1 "log_event" (seq mod LOG_ENTRIES)) with (cell s "log_event" (seq mod LOG_ENTRIES)). rewrite E1, E2, E3.
    eexists _, _. split; [reflexivity|]. split; [exact H1|]. eexists _, true, (P t). split; [reflexivity|].
    cbn [do_effects fold_left].
    pose proof (keep_x fixed c 1 e s1 t R1 ltac:(lia)) as X1.
    pose proof (keep_x fixed c 2 a _ _ X1 ltac:(lia)) as X2. pose proof (keep_x fixed c 3 b _ _ X2 ltac:(lia)) as X3.
    exact (keep_x fixed c 4 time _ _ X3 ltac:(lia)).
Qed.

(* ------------------------------------------------------------------ VGIC_VMCR_READ *)

Lemma vmcr_sim c s t : Q c s t -> held s = false ->
  exists o, answers c t (s_hc_vgic_vmcr_read [] s) o /\ same_out t (vmcr_read c (P t)) o.
Proof.
  intros R H. destruct (r_cpu_id _ _ _ _ R) as [Ec C]. unfold s_hc_vgic_vmcr_read. rewrite Ec.
  replace (cpu_ok c) with true by (symmetry; unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  rewrite (r_cpu_vcpu _ _ _ _ R c C), (r_fixed _ _ _ _ R "has_gicv3") by (cbn; tauto). unfold vmcr_read, is.
  assert (G : (fixed "has_gicv3" 0 =? 0) = negb gicv3) by (rewrite (n_gic _ I), negb_involutive; reflexivity). rewrite G.
  set (w := u_vcpu (cpu (P t) c)). destruct (Z.eqb_spec w NO_VCPU) as [E|E]; cbn [orb].
  { eexists. split; [|apply same_out_refl]. eexists _, _. split; [reflexivity|]. apply unchanged; auto. }
  destruct gicv3 eqn:Gic; cbn [negb].
  - destruct (r_vgic _ _ _ _ R Gic) as (V1 & _ & V2). destruct (V2 E) as (V3 & _). clear V2. exists (done c (Base.reg s "ich_vmcr" 0) (P t)). split.
    + eexists _, _. split; [reflexivity|]. apply unchanged; auto.
    + fold w in V3. unfold done, finish, has_error.
      rewrite (proj2 (Z.leb_gt KCORE_ERR_MIN (Base.reg s "ich_vmcr" 0))) by (unfold KCORE_ERR_MIN; lia).
      split; [reflexivity|]. split; [reflexivity|]. cbn [o_eff do_effects fold_left do_effect app]. rewrite V3. reflexivity.
  - eexists. split; [|apply same_out_refl]. eexists _, _. split; [reflexivity|]. apply unchanged; auto.
Qed.
End Reads.
