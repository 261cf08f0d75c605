(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_VCPU_LOAD does what the top machine does. *)
From KCore Require Import top.Chan.
From KCore Require Import code.Common code.Owner code.Calls code.Vm code.Vcpu code.VcpuEnd code.Context code.Cpu code.VcpuLoad.
From KCore Require Export sim.Areas.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma vcpu_not_none w : is_vcpu w -> w <> NO_VCPU.
Proof. unfold is_vcpu, KCORE_NR_VCPUS, NO_VCPU. lia. Qed.

(* Registers of which the top machine knows, but for the virtual GIC's. *)
Definition known_regs : list string := ["cpu_id"; "fp"; "host_x"; "host_context"; "host_mdcr"].
Ltac other_regs := let n := fresh "n" in let i := fresh "i" in let H := fresh "H" in
  intros n i H; cbn [In known_regs] in H; repeat (destruct H as [<-|H]; [reflexivity|]); destruct H.

Section Load.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation answers := (answers fixed).

(* The virtual GIC by other registers and contents; all else as it is. *)
Lemma keep_gic c s s' t t' : Q c s t -> P t' = P t -> mem (D t') = mem (D t) -> ctx (D t') = ctx (D t) -> fpm (D t') = fpm (D t) ->
  (forall n, 0 <= n < 31 -> hreg (D t') c n = hreg (D t) c n) -> cell s' = cell s -> word s' = word s ->
  (forall n i, In n known_regs -> Base.reg s' n i = Base.reg s n i) ->
  Base.s1 s' = Base.s1 s -> Base.tab s' = Base.tab s -> Base.leaf s' = Base.leaf s -> Base.table s' = Base.table s ->
  vgic_fine c s' t' -> Q c s' t'.
Proof.
  intros [] EP Em Ex Ef Eh Ec Ew Er E1 E2 E3 E4 V.
  assert (R1 : forall i, Base.reg s' "cpu_id" i = Base.reg s "cpu_id" i) by (intros i; apply Er; cbn; tauto).
  assert (R2 : forall i, Base.reg s' "fp" i = Base.reg s "fp" i) by (intros i; apply Er; cbn; tauto).
  assert (R3 : forall i, Base.reg s' "host_x" i = Base.reg s "host_x" i) by (intros i; apply Er; cbn; tauto).
  assert (R4 : forall i, Base.reg s' "host_context" i = Base.reg s "host_context" i) by (intros i; apply Er; cbn; tauto).
  assert (R5 : forall i, Base.reg s' "host_mdcr" i = Base.reg s "host_mdcr" i) by (intros i; apply Er; cbn; tauto).
  constructor; rewrite ?EP, ?Em, ?Ex, ?Ef, ?Ec, ?Ew, ?R1, ?R4, ?R5, ?E1, ?E2, ?E3; auto.
  - apply (pool_same fixed s s' (P t) (P t)); auto using Z.le_refl; intros; rewrite ?Ec, ?Ew; auto.
  - intros k K. rewrite R2. auto.
  - intros n N. rewrite R3, Eh by exact N. auto.
Qed.
Lemma keep_regs c s s' t : Q c s t -> cell s' = cell s -> word s' = word s ->
  (forall n i, In n known_regs -> Base.reg s' n i = Base.reg s n i) ->
  Base.s1 s' = Base.s1 s -> Base.tab s' = Base.tab s -> Base.leaf s' = Base.leaf s -> Base.table s' = Base.table s ->
  vgic_fine c s' t -> Q c s' t.
Proof. intros R. intros. apply (keep_gic c s s' t t R); auto. Qed.

Lemma keep_tlb c d w s t : Q c s t -> Q c (load_tlb d w s) t.
Proof.
  intros R. unfold load_tlb. destruct (_ && _); [|exact R].
  apply (keep_same fixed c _ (if negb (cell s "last_vcpu" (w / KCORE_VM_VCPUS * KCORE_MAX_CPUS + d) =? NO_VCPU)
    then record "tlbi_local" [vttbr_of s (w / KCORE_VM_VCPUS)] s else s)).
  - split; [|repeat split]. intros n i E. rewrite cell_setcell, E. reflexivity.
  - destruct (negb _); [apply keep_record|]; exact R.
Qed.

(* What GIC_STATE_LOAD leaves in the registers. *)
Definition vgic_loads (c : Z) (s : state) (d : data) (w pg : Z) : Prop := gicv3 = true ->
  let x := vgic_loaded (mem d pg) (hreg d c R_VMCR) (io d w) in
  0 <= Base.reg s "ich_vmcr" 0 < 2 ^ 32 /\ Base.reg s "ich_vmcr" 0 = x W_VMCR /\
  forall j, 0 <= j < nr_aprs -> Base.reg s "ap0r" j = x (W_AP0R + j) /\ Base.reg s "ap1r" j = x (W_AP1R + j).
(* The virtual GIC as the registers have it. *)
Definition io_now (s : state) (k : Z) : Z :=
  if k =? W_VMCR then Base.reg s "ich_vmcr" 0 else
  if k <? W_AP1R then Base.reg s "ap0r" (k - W_AP0R) else Base.reg s "ap1r" (k - W_AP1R).

Lemma loaded_related c s t w : Q c s t -> is_vcpu w -> u_run (cpu (P t) c) = false -> c_state (vcpu (P t) w) = VCPU_READY ->
  Q c (bump "vm_loaded" 32 (vm_of w) 1 (setcell "cpu_vcpu" c w (setcell "vcpu_state" w VCPU_LOADED s)))
    (mkst (change_vm (vm_of w) (fun r => vm_with_loaded (v_loaded r + 1) r)
       (change_cpu c (cpu_with_vcpu w) (change_vcpu w (vcpu_with_state VCPU_LOADED c) (P t))))
     (set_io (upd (io (D t)) w (io_now s)) (D t))).
Proof.
  intros R W U S.
  set (p := change_vm _ _ _).
  assert (Pr : forall x, protected p x = protected (P t) x).
  { intros x. unfold protected, p. peel. unfold upd. destruct (Z.eqb_spec x (vm_of w)) as [->|]; reflexivity. }
  assert (Ar : forall x, at_rest p x -> at_rest (P t) x).
  { intros x (X1 & X2 & X3). rewrite Pr in X2. unfold p in X1, X3. cbn in X1, X3. unfold upd in X1, X3.
    destruct (Z.eqb_spec x w) as [E|N]; cbn in X1, X3.
    - rewrite E. split; [rewrite S; discriminate|]. split; [rewrite <- E; exact X2|]. rewrite S. discriminate.
    - split; [exact X1|]. split; [exact X2|]. intros L. specialize (X3 L).
      destruct (Z.eqb_spec (c_cpu (vcpu (P t) x)) c) as [Ec|]; cbn in X3; [rewrite Ec; exact U|exact X3]. }
  assert (Hc : forall x, has_context p x -> has_context (P t) x).
  { intros x (X1 & X2 & X3). rewrite Pr in X3. split; [exact X1|]. split; [|exact X3]. unfold p in X2. cbn in X2. unfold upd in X2.
    destruct (Z.eqb_spec x w) as [E|N]; cbn in X2; [rewrite E, S; discriminate|exact X2]. }
  assert (Ct : forall x, c_state (vcpu p x) <> VCPU_FREE -> c_state (vcpu (P t) x) <> VCPU_FREE).
  { intros x. unfold p. peel. unfold upd. destruct (Z.eqb_spec x w) as [->|]; cbn; [rewrite S; discriminate|auto]. }
  set (s' := bump _ _ _ _ _). set (d := set_io _ _).
  assert (Vg : vgic_fine c s' (mkst p d)).
  { intros G. destruct (r_vgic _ _ _ _ R G) as (V1 & _). cbv zeta. cbn [P D]. replace (u_vcpu (cpu p c)) with w.
    2: { unfold p. peel. unfold upd. now rewrite Z.eqb_refl. }
    split; [exact V1|]. split; [intros E; destruct (vcpu_not_none w W E)|]. intros _. unfold d. cbn [io set_io]. unfold upd.
    rewrite Z.eqb_refl. split; [reflexivity|]. intros j K. pose proof nr_aprs_range. unfold io_now, W_VMCR, W_AP0R, W_AP1R.
    rewrite (proj2 (Z.eqb_neq (72 + j) 69)), (proj2 (Z.eqb_neq (76 + j) 69)), (proj2 (Z.ltb_lt (72 + j) 76)), (proj2 (Z.ltb_ge (76 + j) 76)) by lia.
    split; [change (Base.reg s' "ap0r" j) with (Base.reg s "ap0r" j)|change (Base.reg s' "ap1r" j) with (Base.reg s "ap1r" j)]; f_equal; lia. }
  unfold p, s', d in *. clear p s' d Pr. related R.
  all: first [apply r_context; [assumption|rewrite S; discriminate|assumption] | apply r_vcpu_esr; [assumption|]; intros Pe;
    match goal with H : c_pending _ <> PENDING_NONE |- _ => apply H end; cbn; unfold upd;
    match goal with |- context [?a =? ?b] => destruct (Z.eqb_spec a b) end; cbn; first [exact Pe | congruence] ].
Qed.

(* The page's words as the code reads them. *)
Lemma page_word c s t p o : Q c s t -> 0 <= p < 268435456 -> core p = false -> 0 <= o < 512 ->
  word s (p * PAGE_BYTES + o * 8) = mem (D t) p o.
Proof. intros R B C O. apply (r_mem _ _ _ _ R); auto. Qed.
Lemma vgic_at a i : vgic a i = a + (W_HCR + i) * 8.
Proof. unfold vgic, CTX_VGIC, W_HCR. lia. Qed.
Lemma nr_apr_eq c s t : Q c s t -> nr_apr s = nr_aprs.
Proof.
  intros R. unfold nr_apr, nr_aprs, vtr. rewrite (r_fixed _ _ _ _ R) by (cbn; tauto).
  destruct (n_info _ I 0) as (<- & _); [unfold is_cpu, KCORE_MAX_CPUS; lia|]. reflexivity.
Qed.
Lemma low32_range x : 0 <= Machine.low32 x < 2 ^ 32.
Proof. unfold Machine.low32. change 0xffffffff with (Z.ones 32). rewrite Z.land_ones by lia. apply Z.mod_pos_bound. lia. Qed.

(* The registers after GIC_STATE_LOAD, where nothing was loaded. *)
Definition gic_loaded (pa : Z) (s : state) : state :=
  load_bank Base.low32 "ap1r" 0 (nr_apr s) (vgic pa 8) (load_bank Base.low32 "ap0r" 0 (nr_apr s) (vgic pa 4)
    (if word s (vgic pa 2) =? 0 then s else setreg "ich_vmcr" 0 (Base.low32 (word s (vgic pa 1))) s)).
Lemma gic_loads c s t y w pg : Q c s t -> 0 <= pg < 268435456 -> core pg = false -> u_vcpu (cpu (P t) c) = NO_VCPU ->
  cell y "ich_vtr" 0 = cell s "ich_vtr" 0 -> word y = word s -> Base.reg y "ich_vmcr" 0 = Base.reg s "ich_vmcr" 0 ->
  vgic_loads c (gic_loaded (pg * PAGE_BYTES) y) (D t) w pg.
Proof.
  intros R B C N Yv Yw Yr G. cbv zeta. pose proof (nr_aprs_range) as A. unfold gic_loaded.
  replace (nr_apr y) with nr_aprs by (rewrite <- (nr_apr_eq c s t R); unfold nr_apr; now rewrite Yv). rewrite !vgic_at, Yw.
  assert (Wd : forall o, 0 <= o < 512 -> word s (pg * PAGE_BYTES + o * 8) = mem (D t) pg o) by (intros o O; apply (page_word c s t); auto).
  unfold vgic_loaded. rewrite G. cbn [negb]. rewrite Z.eqb_refl.
  destruct (r_vgic _ _ _ _ R G) as (V1 & V2 & _). specialize (V2 N).
  rewrite (Wd (W_HCR + 2)) by (unfold W_HCR; lia). change (W_HCR + 2) with W_SRE.
  set (u := if mem (D t) pg W_SRE =? 0 then y else _).
  assert (Eu : word u = word s /\ Base.reg u "ich_vmcr" 0 = if mem (D t) pg W_SRE =? 0 then hreg (D t) c R_VMCR else
    Machine.low32 (mem (D t) pg W_VMCR)).
  { unfold u. destruct (_ =? 0); [split; [exact Yw|congruence]|]. split; [exact Yw|]. rewrite reg_setreg_same, (Wd (W_HCR + 1)) by (unfold W_HCR; lia).
    reflexivity. }
  destruct Eu as [Ew Ev]. cbn [Base.reg load_bank setregs String.eqb Ascii.eqb Bool.eqb andb]. rewrite Ev. split.
  { destruct (_ =? 0); [rewrite <- V2; exact V1|apply low32_range]. }
  split; [reflexivity|]. intros j J.
  assert (K : forall b, b = W_AP0R \/ b = W_AP1R -> is_apr (b + j) = true /\ (b + j =? W_VMCR) = false).
  { intros b Hb. unfold is_apr, W_AP0R, W_AP1R, W_VMCR in *. split; [|apply Z.eqb_neq; lia].
    apply orb_true_iff. rewrite !inside_spec. destruct Hb as [->| ->]; lia. }
  destruct (K W_AP0R (or_introl eq_refl)) as [-> ->]. destruct (K W_AP1R (or_intror eq_refl)) as [-> ->].
  assert (T : (0 <=? j) && (j <? 0 + nr_aprs) = true) by (apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  rewrite !T. cbn [word load_bank setregs]. rewrite Ew.
  replace (pg * PAGE_BYTES + (W_HCR + 4) * 8 + (j - 0) * 8) with (pg * PAGE_BYTES + (W_AP0R + j) * 8) by (unfold W_HCR, W_AP0R; lia).
  replace (pg * PAGE_BYTES + (W_HCR + 8) * 8 + (j - 0) * 8) with (pg * PAGE_BYTES + (W_AP1R + j) * 8) by (unfold W_HCR, W_AP1R; lia).
  rewrite !Wd by (unfold W_AP0R, W_AP1R; lia). split; reflexivity.
Qed.
Lemma gic_loaded_rest pa s : cell (gic_loaded pa s) = cell s /\ word (gic_loaded pa s) = word s /\ held (gic_loaded pa s) = held s /\
  (forall n i, In n known_regs -> Base.reg (gic_loaded pa s) n i = Base.reg s n i) /\ Base.s1 (gic_loaded pa s) = Base.s1 s /\
  Base.tab (gic_loaded pa s) = Base.tab s /\ Base.leaf (gic_loaded pa s) = Base.leaf s /\ Base.table (gic_loaded pa s) = Base.table s.
Proof. unfold gic_loaded. destruct (_ =? 0); repeat split; try reflexivity; other_regs. Qed.

Lemma load_sim c s t w : Q c s t -> held s = false -> inv (P t) -> u_run (cpu (P t) c) = false -> 0 <= w ->
  answers c t (s_hc_vcpu_load [w] s) (Hyper.vcpu_load c w (P t)).
Proof.
  intros R H J U W. destruct (r_cpu_id _ _ _ _ R) as [Ec C]. unfold is_cpu, KCORE_MAX_CPUS in C.
  unfold s_hc_vcpu_load. rewrite Ec. replace (cpu_ok c) with true by (symmetry; unfold cpu_ok, KCORE_MAX_CPUS; apply andb_true_iff;
    rewrite Z.leb_le, Z.ltb_lt; lia).
  rewrite (proj2 (Z.leb_le 0 w) W). cbn [andb]. unfold section. rewrite H. cbn [negb]. unfold s_vcpu_load. cbn [held sethold].
  rewrite (proj2 (Z.leb_le 0 c)), (proj2 (Z.ltb_lt c KCORE_MAX_CPUS)), (proj2 (Z.leb_le 0 w) W) by (unfold KCORE_MAX_CPUS; lia).
    cbn [andb].
  assert (R1 : Q c (sethold true s) t) by (apply keep_hold; auto). set (s1 := sethold true s) in *.
  assert (H1 : held s1 = true) by reflexivity.
  assert (Un : forall r u, u = sethold false s1 -> answers c t (Ok (r, u)) (done c r (P t))).
  { intros r u ->. exists r, (sethold false s1). split; [reflexivity|]. apply unchanged; [apply keep_hold; exact R1|reflexivity]. }
  unfold load, Hyper.vcpu_load, is. change (w / KCORE_VM_VCPUS) with (vm_of w).
  unfold exists_, vcpu_exists, is. rewrite (proj2 (Z.leb_le 0 w) W). cbn [andb].
  destruct (Z.ltb_spec w KCORE_NR_VCPUS) as [Wn|Wn]; cbn [andb negb bind]; [|rewrite H1; cbn; apply Un; reflexivity].
  assert (Wv : is_vcpu w) by (unfold is_vcpu; lia). pose proof (vm_handle w Wv) as Hv.
  rewrite (r_vcpu_state _ _ _ _ R1 w Wv), (r_vm_state _ _ _ _ R1 _ Hv), (r_cpu_vcpu _ _ _ _ R1 c) by (unfold is_cpu, KCORE_MAX_CPUS; lia).
  destruct (c_state (vcpu (P t) w) =? VCPU_FREE) eqn:Fr; cbn [negb bind]; [rewrite H1; cbn; apply Un; reflexivity|].
  destruct (v_state (vm (P t) (vm_of w)) =? VM_READY); cbn [negb bind]; [|rewrite H1; cbn; apply Un; reflexivity].
  destruct (negb (c_state (vcpu (P t) w) =? VCPU_READY) || _) eqn:Bu; cbn [bind]; [rewrite H1; cbn; apply Un; reflexivity|].
  apply orb_false_iff in Bu as [Sr Nv]. apply negb_false_iff, Z.eqb_eq in Sr, Nv.
  set (u := bump _ _ _ _ _). assert (Hu : held u = true) by reflexivity. cbn [bind]. rewrite Hu. cbn [bind Z.eqb negb].
  set (x := sethold false u). assert (Hx : held x = false) by reflexivity.
  assert (Ex : c_state (vcpu (P t) w) <> VCPU_FREE) by (rewrite Sr; discriminate).
  change (cell x "vcpu_page" w) with (cell s "vcpu_page" w). rewrite (r_vcpu_page _ _ _ _ R w Wv).
  pose proof (vcpu_page_host fixed c s t w R J Ex) as Cg. pose proof (vcpu_page_below fixed I c s t w R J Ex) as Lp.
  pose proof (page_area fixed I c s t _ R Lp Cg) as Ax. set (pg := c_page (vcpu (P t) w)) in *.
  change (ctx_ok x (pg * PAGE_BYTES)) with (ctx_ok s (pg * PAGE_BYTES)). change (roots_ok x (vm_of w)) with (roots_ok s (vm_of w)).
  rewrite Ax, (roots_fine fixed I c s t _ R Hv), (vcpu_number_range w Wv). cbn [andb].
  rewrite (r_fixed _ _ _ _ R "has_gicv3") by (cbn; tauto). rewrite <- (n_gic _ I).
  set (z := load_timer w (pg * PAGE_BYTES) (load_tlb c w x)).
  pose proof (loaded_related c s1 t w R1 Wv U Sr) as L. fold u in L. apply (keep_hold fixed c false) in L. fold x in L.
  apply (keep_tlb c c w) in L.
  set (p := change_vm _ _ _) in *.
  assert (Go : forall z', cell z' = cell (load_tlb c w x) -> word z' = word s -> (forall n i, In n known_regs -> Base.reg z' n i = Base.reg s n i) ->
    Base.s1 z' = Base.s1 s -> Base.tab z' = Base.tab s -> Base.leaf z' = Base.leaf s -> Base.table z' = Base.table s ->
    vgic_loads c z' (D t) w pg -> Q c z' (mkst p (do_effects [VgicLoad c w pg] (D t)))).
  { intros z' E1 E2 K E3 E4 E5 E6 V. apply (keep_gic c _ z' _ (mkst p (do_effects [VgicLoad c w pg] (D t))) L); auto;
      try (unfold load_tlb; destruct (_ && _); [destruct (negb _)|]; assumption).
    intros G. destruct (V G) as (V1 & V2 & V3). cbv zeta. cbn [P D]. replace (u_vcpu (cpu p c)) with w.
      2: { unfold p. peel. unfold upd. now rewrite Z.eqb_refl. }
      split; [exact V1|]. split; [intros E; destruct (vcpu_not_none w Wv E)|]. intros _. cbn [do_effects fold_left do_effect io set_io].
      unfold upd. rewrite Z.eqb_refl. split; [exact V2|exact V3]. }
  assert (Lt : word (load_tlb c w x) = word s /\ Base.reg (load_tlb c w x) = Base.reg s /\ Base.s1 (load_tlb c w x) = Base.s1 s /\
    Base.tab (load_tlb c w x) = Base.tab s /\ Base.leaf (load_tlb c w x) = Base.leaf s /\ Base.table (load_tlb c w x) = Base.table s /\
    held (load_tlb c w x) = false).
  { unfold load_tlb. destruct (_ && _); [destruct (negb _)|]; repeat split; reflexivity. }
  destruct Lt as (T1 & T2 & T3 & T4 & T5 & T6 & T7). unfold z. set (y := load_tlb c w x) in *.
  assert (Rb : cell y "root_base" 0 = fixed "root_base" 0) by (apply (r_fixed _ _ _ _ L); cbn; tauto).
  clearbody y. set (z1 := load_timer w (pg * PAGE_BYTES) y).
  assert (Kz : forall n i, In n known_regs -> Base.reg z1 n i = Base.reg s n i) by (rewrite <- T2; other_regs).
  destruct gicv3 eqn:Gic.
  - unfold p_gic_state_load. replace (context_ok plain z1 (pg * PAGE_BYTES)) with true.
    2: { symmetry. apply ctx_context in Ax. rewrite <- Ax. unfold context_ok, plain, aligned, in_roots. cbn [cell z1 load_timer setreg setregs].
         change (cell z1 "root_base" 0) with (cell y "root_base" 0). change (Base.table z1) with (Base.table y).
         rewrite Rb, T6, (fixed_of _ _ _ _ R "root_base") by (cbn; tauto). reflexivity. }
    destruct (gic_loaded_rest (pg * PAGE_BYTES) z1) as (G1 & G2 & G3 & G4 & G5 & G6 & G7 & G8).
    exists 0, (gic_loaded (pg * PAGE_BYTES) z1). split; [reflexivity|]. do 3 eexists. split; [reflexivity|].
    split; [rewrite G3; exact T7|]. apply Go; rewrite ?G1, ?G2, ?G5, ?G6, ?G7, ?G8; auto.
    + intros n i N. rewrite (G4 n i N). apply Kz, N.
    + apply (gic_loads c s t); auto.
      * change (cell z1 "ich_vtr" 0) with (cell y "ich_vtr" 0). rewrite (r_fixed _ _ _ _ L), (r_fixed _ _ _ _ R) by (cbn; tauto). reflexivity.
      * change (Base.reg z1 "ich_vmcr" 0) with (Base.reg y "ich_vmcr" 0). now rewrite T2.
  - exists 0, z1. split; [reflexivity|]. do 3 eexists. split; [reflexivity|]. split; [exact T7|]. apply Go; auto. intros G. congruence.
Qed.
End Load.
