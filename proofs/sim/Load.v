(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_VCPU_LOAD does what the top machine does. *)
From KCore Require Import code.Common code.Owner code.Calls code.Vm code.Vcpu code.VcpuEnd code.Context code.Cpu code.VcpuLoad.
From KCore Require Export sim.Finalise.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Load.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation answers := (answers fixed).

(* Registers of which the top machine knows nothing. *)
Lemma keep_regs c s s' t : Q c s t -> cell s' = cell s -> word s' = word s -> Base.reg s' "cpu_id" = Base.reg s "cpu_id" ->
  Base.reg s' "fp" = Base.reg s "fp" -> Base.reg s' "host_x" = Base.reg s "host_x" ->
  Base.s1 s' = Base.s1 s -> Base.tab s' = Base.tab s -> Base.leaf s' = Base.leaf s -> Base.table s' = Base.table s -> Q c s' t.
Proof.
  intros [] Ec Ew R1 R2 R3 E1 E2 E3 E4. constructor; rewrite ?Ec, ?Ew, ?R1, ?R2, ?R3, ?E1, ?E2, ?E3; auto.
  apply (pool_same fixed s s' (P t) (P t)); auto; intros; rewrite ?Ec, ?Ew; auto.
Qed.

Lemma keep_tlb c d w s t : Q c s t -> Q c (load_tlb d w s) t.
Proof.
  intros R. unfold load_tlb. destruct (_ && _); [|exact R].
  apply (keep_same fixed c _ (if negb (cell s "last_vcpu" (w / KCORE_VM_VCPUS * KCORE_MAX_CPUS + d) =? NO_VCPU)
    then record "tlbi_local" [vttbr_of s (w / KCORE_VM_VCPUS)] s else s)).
  - split; [|repeat split]. intros n i E. rewrite cell_setcell, E. reflexivity.
  - destruct (negb _); [apply keep_record|]; exact R.
Qed.
Lemma keep_timer c w pg s t : Q c s t -> Q c (load_timer w pg s) t.
Proof. intros R. apply (keep_regs c s); auto. Qed.

Lemma loaded_related c s t w : Q c s t -> is_vcpu w -> u_run (cpu (P t) c) = false -> c_state (vcpu (P t) w) = VCPU_READY ->
  Q c (bump "vm_loaded" 32 (vm_of w) 1 (setcell "cpu_vcpu" c w (setcell "vcpu_state" w VCPU_LOADED s)))
    (mkst (change_vm (vm_of w) (fun r => vm_with_loaded (v_loaded r + 1) r)
       (change_cpu c (cpu_with_vcpu w) (change_vcpu w (vcpu_with_state VCPU_LOADED c) (P t))))
     (do_effects [IoLoad w (c_page (vcpu (P t) w))] (D t))).
Proof.
  intros R W U S. cbn [do_effects fold_left do_effect].
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
  unfold p in *. clear p Pr. related R.
  all: apply r_vcpu_esr; [assumption|]; intros Pe;
    match goal with H : c_pending _ <> PENDING_NONE |- _ => apply H end; cbn; unfold upd;
    match goal with |- context [?a =? ?b] => destruct (Z.eqb_spec a b) end; cbn; first [exact Pe | congruence].
Qed.

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
  assert (Wv : is_vcpu w) by (unfold is_vcpu; lia).
  assert (Hv : is_handle (vm_of w)).
  { unfold is_handle, vm_of, KCORE_NR_VMS, KCORE_NR_VCPUS, KCORE_VM_VCPUS in *. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound;
    lia]. }
  rewrite (r_vcpu_state _ _ _ _ R1 w Wv), (r_vm_state _ _ _ _ R1 _ Hv), (r_cpu_vcpu _ _ _ _ R1 c) by (unfold is_cpu, KCORE_MAX_CPUS; lia).
  destruct (c_state (vcpu (P t) w) =? VCPU_FREE) eqn:Fr; cbn [negb bind]; [rewrite H1; cbn; apply Un; reflexivity|].
  destruct (v_state (vm (P t) (vm_of w)) =? VM_READY); cbn [negb bind]; [|rewrite H1; cbn; apply Un; reflexivity].
  destruct (negb (c_state (vcpu (P t) w) =? VCPU_READY) || _) eqn:Bu; cbn [bind]; [rewrite H1; cbn; apply Un; reflexivity|].
  props. assert (Sr : c_state (vcpu (P t) w) = VCPU_READY) by assumption.
  pose proof (loaded_related c s1 t w R1 Wv U Sr) as L. set (u := bump _ _ _ _ _) in *.
  assert (Hu : held u = true) by reflexivity. cbn [bind]. rewrite Hu. cbn [bind Z.eqb negb].
  apply (keep_hold fixed c false) in L. set (x := sethold false u) in *.
  assert (Hx : held x = false) by reflexivity.
  assert (Ex : c_state (vcpu (P t) w) <> VCPU_FREE) by (rewrite Sr; discriminate).
  assert (Pg : cell x "vcpu_page" w = c_page (vcpu (P t) w) * PAGE_BYTES) by (apply (r_vcpu_page _ _ _ _ R1 w Wv)).
  pose proof (vcpu_page_host fixed c s1 t w R1 J Ex) as Cg.
  assert (Dp : dram (c_page (vcpu (P t) w)) = true) by (destruct (i_vcpu _ J _ Ex) as (_ & X & _); exact X).
  pose proof (dram_below fixed I _ Dp) as Lp. set (pg := c_page (vcpu (P t) w)) in *.
  assert (Pl : forall y, plain y = plain x -> plain y (pg * PAGE_BYTES) = true).
  { intros y ->. pose proof (plain_host fixed I c s1 t pg R1 Cg) as A. apply (plain_at _ _ 0) in A; [|lia|reflexivity].
    rewrite Z.add_0_r in A. exact A. }
  assert (Co : forall y, plain y = plain x -> context_ok plain y (pg * PAGE_BYTES) = true).
  { intros y E. unfold context_ok. rewrite (Pl y E). unfold CONTEXT_BYTES, PAGE_BYTES.
    replace (pg * 4096) with (pg * 2 * 2048) by lia. rewrite Z_mod_mult. reflexivity. }
  assert (Rb : cell x "root_base" 0 = fixed "root_base" 0) by (apply (r_fixed _ _ _ _ R1); cbn; tauto).
  destruct (n_roots _ I) as (_ & Rm & _).
  assert (Cx : ctx_ok x (pg * PAGE_BYTES) = true).
  { unfold ctx_ok. rewrite (Co x eq_refl), Rb. unfold PAGE_BYTES. repeat (apply andb_true_iff; split); try (apply Z.leb_le; lia);
    try (apply Z.ltb_lt; lia); auto.
    apply Z.eqb_eq. apply Z.div_exact in Rm; [|lia]. rewrite Rm.
      replace (8192 * (fixed "root_base" 0 / 8192)) with (fixed "root_base" 0 / 8192 * 4 * 2048) by lia.
    apply Z_mod_mult. }
  assert (Ro : roots_ok x (vm_of w) = true) by (eapply (roots_fine fixed I c x); [exact L|exact Hv]).
  rewrite Pg, Cx, Ro. replace (vcpu_number w) with true by (symmetry; unfold vcpu_number; apply andb_true_iff; rewrite Z.leb_le,
    Z.ltb_lt; lia).
  cbn [andb]. set (z := load_timer w (pg * PAGE_BYTES) (load_tlb c w x)).
  assert (Rz : Q c z (mkst (change_vm (vm_of w) (fun r => vm_with_loaded (v_loaded r + 1) r)
       (change_cpu c (cpu_with_vcpu w) (change_vcpu w (vcpu_with_state VCPU_LOADED c) (P t))))
     (do_effects [IoLoad w pg] (D t)))) by (apply keep_timer, keep_tlb, L).
  assert (Hz : held z = false).
  { unfold z, load_timer, load_tlb. cbn [held setreg setregs]. destruct (_ && _); [|exact Hx]. destruct (negb _); exact Hx. }
  assert (Plz : plain z = plain x).
  { unfold z, load_timer, load_tlb. destruct (_ && _); [|reflexivity]. destruct (negb (_ =? NO_VCPU)); reflexivity. }
  clearbody z. destruct (negb (cell s "has_gicv3" 0 =? 0)).
  - unfold p_gic_state_load. rewrite (Co z Plz). eexists _, _. split; [reflexivity|]. do 3 eexists. split; [reflexivity|].
    split; [destruct (_ =? 0); exact Hz|]. eapply keep_regs; [exact Rz|..]; destruct (_ =? 0); reflexivity.
  - exists 0, z. split; [reflexivity|]. do 3 eexists. split; [reflexivity|]. split; [exact Hz|exact Rz].
Qed.
End Load.
