(* SPDX-License-Identifier: GPL-2.0-only *)
(* KCORE_HC_VCPU_RUN does what the top machine does: the guest's registers are in the CPU, by the register filter. *)
From KCore Require Import top.Chan.
From KCore Require Import code.Common code.Context code.Regs code.Cpu code.Run code.Frame code.RunControls code.RunEnter top.InvOwn.
From KCore Require Export sim.Put.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ lists of writes *)

Lemma put_words_at pa n l s k : Forall (fun p => 0 <= fst p < n) l -> 0 <= k < n ->
  word (put_words pa l s) (pa + k * 8) = writes 0 n l (words_of pa s) k.
Proof.
  intros F K. unfold put_words, writes. cbn [word setwords].
  assert (G : forall f g, (forall j, 0 <= j < n -> f (pa + j * 8) = g j) ->
    fold_left (fun w p b => if b =? pa + fst p * 8 then snd p else w b) l f (pa + k * 8) =
    fold_left (fun f w => if inside (fst w) 0 n then upd f (fst w) (snd w) else f) l g k); [|apply G; reflexivity].
  induction F as [|p l B F' IH]; intros f g E; [apply E, K|]. destruct p as [j x]. cbn [fold_left fst snd] in *. apply IH. intros i J.
  replace (inside j 0 n) with true by (symmetry; apply inside_spec; lia). unfold upd.
  destruct (Z.eqb_spec i j) as [->|N]; [rewrite Z.eqb_refl; reflexivity|]. rewrite (proj2 (Z.eqb_neq _ _)) by lia. apply E, J.
Qed.
Lemma put_words_other pa n l s x : Forall (fun p => 0 <= fst p < n) l -> (forall o, 0 <= o < n -> x <> pa + o * 8) ->
  word (put_words pa l s) x = word s x.
Proof.
  intros F N. unfold put_words. cbn [word setwords]. generalize (word s). induction F as [|p l B F' IH]; intros f; auto.
    destruct p as [j v]. cbn [fold_left fst snd] in *.
  rewrite IH. rewrite (proj2 (Z.eqb_neq _ _)) by (apply N, B). reflexivity.
Qed.

(* The guest's registers with its EL1 registers in the CPU. *)
Lemma put_live_at ct l s k : Forall (fun p => 0 <= fst p < W_GP) l -> 0 <= k < W_GP ->
  Context.live ct (put_live ct l s) k = writes 0 W_GP l (Context.live ct s) k.
Proof.
  intros F K. unfold put_live, writes. set (L := fun (r : string -> Z -> Z) (w : Z ->
    Z) k => if is_el1 k then r "el1" (k - 34) else w (ct + k * 8)).
  assert (G : forall r w g, (forall j, 0 <= j < W_GP -> L r w j = g j) ->
    L (fold_left (fun r p b i => if is_el1 (fst p) && String.eqb b "el1" && (i =? fst p - 34) then snd p else r b i) l r)
      (fold_left (fun w p b => if negb (is_el1 (fst p)) && (b =? ct + fst p * 8) then snd p else w b) l w) k =
    fold_left (fun f w => if inside (fst w) 0 W_GP then upd f (fst w) (snd w) else f) l g k); [|apply G; reflexivity].
  induction F as [|p l B F' IH]; intros r w g E; [apply E, K|]. destruct p as [j x]. cbn [fold_left fst snd] in *. apply IH. intros i J.
  replace (inside j 0 W_GP) with true by (symmetry; apply inside_spec; lia). specialize (E i J). unfold L, upd in *.
    cbn [String.eqb Ascii.eqb Bool.eqb].
  destruct (Z.eqb_spec i j) as [->|N].
  - destruct (is_el1 j); cbn [andb negb]; rewrite Z.eqb_refl; reflexivity.
  - rewrite !(proj2 (Z.eqb_neq _ _)) by lia. rewrite !andb_false_r. exact E.
Qed.
Lemma put_live_other ct n l s x : Forall (fun p => 0 <= fst p < n) l -> (forall o, 0 <= o < n -> x <> ct + o * 8) ->
  word (put_live ct l s) x = word s x.
Proof.
  intros F N. unfold put_live. cbn [word setregs setwords]. generalize (word s).
  induction F as [|p l B F' IH]; intros f; auto. destruct p as [j v]. cbn [fold_left fst snd] in *. rewrite IH.
  rewrite (proj2 (Z.eqb_neq _ _)) by (apply N, B). rewrite andb_false_r. reflexivity.
Qed.
Lemma put_live_reg ct l s n i : String.eqb n "el1" = false -> Base.reg (put_live ct l s) n i = Base.reg s n i.
Proof.
  intros N. unfold put_live. cbn [Base.reg setregs setwords]. generalize (Base.reg s).
  induction l as [|[j v] l IH]; intros f; cbn [fold_left fst snd] in *; auto. rewrite IH, N, andb_false_r. reflexivity.
Qed.

Lemma field_below x lo : 0 <= field x lo 31 <= 31.
Proof. unfold field. pose proof (Z.land_ones (Z.shiftr x lo) 5 ltac:(lia)) as E. change (Z.ones 5) with 31 in E. rewrite E.
  pose proof (Z.mod_pos_bound (Z.shiftr x lo) (2 ^ 5) ltac:(lia)). lia. Qed.
Section Writes.
Context {cfg : config}.
Ltac bounds := repeat constructor; cbn [fst]; unfold W_GP, W_PC, W_PSTATE, W_ELR, W_SPSR, W_ESR, W_FAR; lia.
Lemma enter_writes_bound pending esr flags value R : Forall (fun p => 0 <= fst p < W_GP) (enter_writes pending esr flags value R).
Proof.
  pose proof (field_below esr 16). unfold enter_writes, take_exception, advance.
  destruct (flags =? _); [destruct (_ && _); cbn [app]; bounds|]. destruct (flags =? _); [bounds|]. destruct (flags =? _); [bounds|].
  destruct (flags =? _); [bounds|constructor].
Qed.
Lemma boot_writes_bound R : Forall (fun p => 0 <= fst p < W_GP) (boot_writes R).
Proof.
  unfold boot_writes. apply Forall_app. split; [|unfold W_SCTLR; bounds]. apply Forall_forall. intros p In_.
    apply in_map_iff in In_ as (n & <- & N).
  apply range_in in N. cbn [fst]. unfold W_GP. lia.
Qed.
(* Of the guest's registers it looks at few. *)
Lemma enter_writes_same pending esr flags value f g :
  (forall k, k = W_PC \/ k = W_PSTATE \/ k = W_SCTLR \/ k = W_VBAR \/ k = W_KEPT -> f k = g k) ->
  enter_writes pending esr flags value f = enter_writes pending esr flags value g.
Proof. intros E. unfold enter_writes, take_exception, advance. rewrite !E by auto 6. reflexivity. Qed.
Lemma enter_allowed_none esr esr' flags : enter_allowed PENDING_NONE esr flags = enter_allowed PENDING_NONE esr' flags.
Proof. unfold enter_allowed. change (PENDING_NONE =? PENDING_DABT) with false. rewrite !andb_false_r. reflexivity. Qed.
Lemma enter_allowed_zero esr flags : enter_allowed PENDING_NONE esr flags = true -> flags = 0.
Proof.
  unfold enter_allowed. change (PENDING_WFX <=? PENDING_NONE) with false. change (PENDING_NONE =? PENDING_DABT) with false.
  change (PENDING_NONE =? PENDING_SYSREG) with false. change (PENDING_MMIO_READ <=? PENDING_NONE) with false.
    change (PENDING_NONE =? PENDING_IABT) with false.
  rewrite !andb_false_r. cbn [andb orb]. rewrite ?andb_false_r, ?orb_false_r. apply Z.eqb_eq.
Qed.
End Writes.

Section Enter.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* ------------------------------------------------------------------ memory and registers that no one looks at *)

(* The half page of the host's registers. *)
Lemma keep_area c s s' t : Q c s t -> cell s' = cell s -> Base.reg s' = Base.reg s ->
  Base.s1 s' = Base.s1 s -> Base.tab s' = Base.tab s -> Base.leaf s' = Base.leaf s -> Base.table s' = Base.table s ->
  (let h := fixed "host_context" c in forall x, x < h \/ h + 2048 <= x -> word s' x = word s x) -> Q c s' t.
Proof.
  intros R Ec Er E1 E2 E3 E4 Wo. cbv zeta in Wo. destruct (r_cpu_id _ _ _ _ R) as [_ C].
    destruct (n_host _ I c C) as (B & M & Co & Ro & Po).
  set (h := fixed "host_context" c) in *. destruct (n_pool_base _ I) as (B1 & B2 & B3 & B4). apply Z.div_exact in M; [|lia].
  assert (Pl : forall k o, 0 <= k < pool -> 0 <= o < 512 -> word s' (pool_at fixed k + o * 8) = word s (pool_at fixed k + o * 8)).
  { intros k o K O. apply Wo. unfold pool_at, PAGE_BYTES in *. apply Z.div_exact in B2; [|lia]. destruct Po; [right|left]; lia. }
  pose proof R as R'. destruct R'. constructor; rewrite ?Ec, ?Er, ?E1, ?E2, ?E3; auto.
  - apply (pool_same fixed s s' (P t) (P t)); auto using Z.le_refl; intros; rewrite ?Ec; auto using Z.le_refl.
    specialize (Pl k 0 ltac:(assumption) ltac:(lia)). rewrite !Z.add_0_r in Pl. exact Pl.
  - intros p o Bp Cp O. rewrite Wo; [apply r_mem; auto|]. assert (p <> h / PAGE_BYTES) by congruence. unfold PAGE_BYTES in *.
    pose proof (Z.div_mod h 4096 ltac:(lia)). pose proof (Z.mod_pos_bound h 4096 ltac:(lia)). lia.
  - intros w k W A K. assert (H : has_context (P t) w) by (destruct A as (X & Y & _); split; auto).
    destruct (context_at fixed c s t w R H) as (j & J & E). rewrite E, Pl; [rewrite <- E; apply r_ctx; auto|exact J|].
    unfold W_GP, W_FP, N_FP in K. lia.
  - apply (vgic_same c s); auto.
Qed.

(* The context of a protected vCPU that runs: all that is known of it is in the CPU. *)
Lemma keep_running c s s' t w d' : Q c s t -> has_context (P t) w -> ~ at_rest (P t) w -> cell s' = cell s ->
  (forall x, (forall o, 0 <= o < 512 -> x <> cell s "vcpu_context" w + o * 8) -> word s' x = word s x) ->
  (forall n i, In n known_regs -> Base.reg s' n i = Base.reg s n i) ->
  Base.s1 s' = Base.s1 s -> Base.tab s' = Base.tab s -> Base.leaf s' = Base.leaf s -> Base.table s' = Base.table s ->
  mem d' = mem (D t) -> fpm d' = fpm (D t) -> hreg d' = hreg (D t) -> (forall x k, x <> w -> ctx d' x k = ctx (D t) x k) ->
  vgic_fine c s' (mkst (P t) d') -> Q c s' (mkst (P t) d').
Proof.
  intros R H A Ec Wo Er E1 E2 E3 E4 Dm Df Dh Dc V. destruct (context_at fixed c s t w R H) as (k & K & Kc).
  assert (R1 : forall i, Base.reg s' "cpu_id" i = Base.reg s "cpu_id" i) by (intros i; apply Er; cbn; tauto).
  assert (R2 : forall i, Base.reg s' "fp" i = Base.reg s "fp" i) by (intros i; apply Er; cbn; tauto).
  assert (R3 : forall i, Base.reg s' "host_x" i = Base.reg s "host_x" i) by (intros i; apply Er; cbn; tauto).
  assert (R4 : forall i, Base.reg s' "host_context" i = Base.reg s "host_context" i) by (intros i; apply Er; cbn; tauto).
  assert (R5 : forall i, Base.reg s' "host_mdcr" i = Base.reg s "host_mdcr" i) by (intros i; apply Er; cbn; tauto).
  pose proof R as R'. destruct R'. constructor; cbn [P D]; rewrite ?Dm, ?Df, ?Dh, ?Ec, ?R1, ?R4, ?R5, ?E1, ?E2, ?E3; auto.
  - apply (pool_same fixed s s' (P t) (P t)); auto using Z.le_refl; intros; rewrite ?Ec; auto using Z.le_refl.
    apply Wo. intros o O E. rewrite Kc in E. destruct (Z.eq_dec k0 k) as [->|N].
    + match goal with N : ~ in_use _ _ _ |- _ => apply N end. right. exists w. auto.
    + unfold pool_at, PAGE_BYTES in E. lia.
  - intros p o B Cp O. rewrite Wo; [apply r_mem; auto|]. intros i Hi. rewrite Kc. apply page_apart; auto.
  - intros x j X Ax J. assert (N : x <> w) by (intros ->; contradiction). rewrite Dc by exact N.
    assert (Hx : has_context (P t) x) by (destruct Ax as (Y1 & Y2 & _); split; auto).
    destruct (context_at fixed c s t x R Hx) as (i & Hi & E). rewrite Wo; [apply r_ctx; auto|]. intros o O. rewrite E, Kc. intros Y.
    assert (i = k) as -> by (unfold pool_at, PAGE_BYTES, W_GP, W_FP, N_FP in *; lia). apply N, (p_contexts _ _ _ r_pool); auto.
      congruence.
  - intros v Hv Rd Ax. rewrite Dc; [auto|]. intros E. apply A. rewrite <- E. exact Ax.
  - intros x X Ax. assert (N : x <> w) by (intros ->; contradiction). rewrite !Dc by exact N. auto.
  - intros j J. rewrite R2. auto.
  - intros n N. rewrite R3. auto.
Qed.

(* ------------------------------------------------------------------ steps that touch registers only *)

Definition vgic_regs : list string := ["ich_vmcr"; "ap0r"; "ap1r"].
Record quiet (l : list string) (s s' : state) : Prop := {
  o_cell : cell s' = cell s; o_word : word s' = word s; o_held : held s' = held s; o_s1 : Base.s1 s' = Base.s1 s;
  o_tab : Base.tab s' = Base.tab s; o_leaf : Base.leaf s' = Base.leaf s; o_table : Base.table s' = Base.table s;
  o_reg : forall n i, In n l -> Base.reg s' n i = Base.reg s n i
}.
Lemma quiet_trans l s u v : quiet l s u -> quiet l u v -> quiet l s v.
Proof. intros [] []. constructor; try congruence. intros n i N. rewrite o_reg1, o_reg0; auto. Qed.
Definition kept_regs : list string := ("el1" :: known_regs ++ vgic_regs)%list.
Definition kept_vgic : list string := ("el1" :: known_regs ++ ["ap0r"; "ap1r"; "elr"; "spsr"; "vttbr"])%list.
Ltac quiet_ := constructor; try reflexivity; let n := fresh "n" in let i := fresh "i" in let H := fresh "H" in
  intros n i H; cbn [In kept_regs kept_vgic known_regs vgic_regs app] in H; repeat (destruct H as [<-|H]; [reflexivity|]); destruct H.
Lemma set_quiet n i v s : existsb (String.eqb n) kept_regs = false -> quiet kept_regs s (setreg n i v s).
Proof.
  intros N. constructor; try reflexivity. intros m j M. cbn [Base.reg setreg setregs].
  destruct (String.eqb_spec m n) as [->|]; auto. exfalso. apply not_true_iff_false in N. apply N, existsb_exists. exists n. split; auto.
  apply String.eqb_refl.
Qed.
Lemma controls_quiet cpu vcpu type page s : quiet kept_regs s (controls cpu vcpu type page s) /\
  Base.reg (controls cpu vcpu type page s) "vttbr" 0 = vttbr_of s (vcpu / KCORE_VM_VCPUS).
Proof.
  unfold controls. destruct (negb (cell s "has_ras" 0 =? 0) && _), (narrow _), (sve_run _ _ _ _); (split; [quiet_|reflexivity]).
Qed.
Definition gic_entered (pa : Z) (s : state) : state :=
  let used := lrs_used pa s in
  let a := if word s (vgic pa 2) =? 0
           then setreg "icc_sre" 0 0 (setreg "ich_vmcr" 0 (Base.low32 (word s (vgic pa 1))) s) else s in
  let b := setreg "lrs" 0 used a in
  if used =? 0 then b else load_bank whole "lr" 0 used (vgic pa 12) (setreg "ich_hcr" 0 (Base.low32 (word s (vgic pa 0))) b).
Lemma gic_entered_quiet pa s : quiet kept_vgic s (gic_entered pa s) /\
  Base.reg (gic_entered pa s) "ich_vmcr" 0 = (if word s (vgic pa 2) =? 0 then Base.low32 (word s (vgic pa 1)) else Base.reg s
    "ich_vmcr" 0).
Proof. unfold gic_entered. destruct (_ =? 0), (_ =? 0); (split; [quiet_|reflexivity]). Qed.

Lemma gic_entered_regs pa s : let used := lrs_used pa s in let s' := gic_entered pa s in
  Base.reg s' "lrs" 0 = used /\ (forall i, 0 <= i < used -> Base.reg s' "lr" i = word s (vgic pa 12 + i * 8)) /\
  (used <> 0 -> Base.reg s' "ich_hcr" 0 = Base.low32 (word s (vgic pa 0))) /\ Base.reg s' "hcr" 0 = Base.reg s "hcr" 0.
Proof.
  cbv zeta. unfold gic_entered. set (used := lrs_used pa s). assert (W : forall b : bool, word (if b then setreg "icc_sre" 0 0
    (setreg "ich_vmcr" 0 (Base.low32 (word s (vgic pa 1))) s) else s) = word s) by (intros []; reflexivity).
  destruct (Z.eqb_spec used 0) as [E|E].
  - split; [reflexivity|]. split; [intros i Hi; lia|]. split; [intros N; contradiction|]. destruct (_ =? 0); reflexivity.
  - split; [reflexivity|]. split; [|split; [|destruct (_ =? 0); reflexivity]].
    + intros i Hi. unfold load_bank. cbn [Base.reg setregs String.eqb Ascii.eqb Bool.eqb andb word setreg].
      rewrite (proj2 (Z.leb_le 0 i)), (proj2 (Z.ltb_lt i (0 + used))) by lia. cbn [andb]. rewrite W. unfold whole. f_equal. lia.
    + intros _. cbn [Base.reg load_bank setregs setreg word String.eqb Ascii.eqb Bool.eqb andb Z.eqb]. reflexivity.
Qed.

(* ------------------------------------------------------------------ the guest is in the CPU *)

(* Of HCR_EL2, what the top machine knows: wishes, and RW. *)
Definition RUN_BITS : Z := Z.lor WISHES KCORE_HCR_RW.

(* What KCore has of a protected vCPU that runs, and the CPU has not. *)
Record aside (s : state) (t : st) (w : Z) : Prop := {
  a_fp : forall k, W_FP <= k < W_FP + N_FP -> word s (cell s "vcpu_context" w + k * 8) = ctx (D t) w k;
  a_cntvoff : forall v, w = v * KCORE_VM_VCPUS -> v_state (vm (P t) v) = VM_READY ->
    cell s "vm_cntvoff" v = ctx (D t) w W_CNTVOFF mod 2 ^ 64;
  a_kept : cell s "vcpu_far" w = ctx (D t) w W_KEPT /\ cell s "vcpu_entry" w = ctx (D t) w (W_KEPT + 1) /\
    cell s "vcpu_entry_x0" w = ctx (D t) w (W_KEPT + 2)
}.
(* All of it is as before. *)
Lemma aside_same s s' t t' w : aside s t w -> (forall k, W_FP <= k < W_FP + N_FP ->
    word s' (cell s "vcpu_context" w + k * 8) = word s (cell s "vcpu_context" w + k * 8)) ->
  (forall n i, In n ["vcpu_context"; "vm_cntvoff"; "vcpu_far"; "vcpu_entry"; "vcpu_entry_x0"] -> cell s' n i = cell s n i) ->
  (forall k, W_GP <= k -> ctx (D t') w k = ctx (D t) w k) -> (forall v, v_state (vm (P t') v) = v_state (vm (P t) v)) -> aside s' t' w.
Proof.
  intros [A1 A2 A3] Wd Ce Cx V. constructor.
  - intros k K. rewrite (Ce "vcpu_context") by (cbn; tauto). rewrite Wd, Cx by (unfold W_FP, W_GP in *; lia). apply A1, K.
  - intros v Ew Rd. rewrite V in Rd. rewrite (Ce "vm_cntvoff"), Cx by (cbn; tauto || (unfold W_CNTVOFF, W_GP; lia)). apply A2; auto.
  - rewrite !Ce by (cbn; tauto). rewrite !Cx by (unfold W_KEPT, W_GP; lia). exact A3.
Qed.

(* It runs with its VM's stage 2, from its PC, with its registers: EL1 registers in the CPU, the others in its context, from where the
   return path takes them; with the interrupts that the host asks for, and in the list registers. *)
Record guest_in (c : Z) (s : state) (t : st) (w : Z) : Prop := {
  g_run : u_run (cpu (P t) c) = true /\ u_vcpu (cpu (P t) c) = w;
  g_stage2 : Base.reg s "vttbr" 0 = vttbr_of s (vm_of w);
  g_select : Base.reg s "selected" 0 = 1 /\ Base.reg s "guest_context" 0 = cell s "vcpu_context" w;
  g_entry : Base.reg s "elr" 0 = greg t w W_PC /\
    Base.reg s "spsr" 0 =
      entered_pstate (Base.reg s "hcr" 0) (negb (fixed "has_aarch32" 0 =? 0)) (greg t w W_PSTATE) (v_type (vm (P t) (vm_of w)));
  g_regs : forall k, 0 <= k < W_GP -> Context.live (cell s "vcpu_context" w) s k = greg t w k;
  g_aside : protected (P t) (vm_of w) = true -> aside s t w;
  g_io : Z.land (Base.reg s "hcr" 0) RUN_BITS = io (D t) w W_IO;
  (* where its EL1 is AArch32, with its own registers of that; no protected VM's is *)
  g_a32 : narrow (Base.reg s "hcr" 0) = true -> protected (P t) (vm_of w) = false /\
    forall i, 0 <= i < NR_A32 -> Base.reg s "a32" i = io (D t) w (W_A32 + i);
  g_gic : gicv3 = true -> let used := io (D t) w W_USED in Base.reg s "lrs" 0 = used /\
    (forall i, 0 <= i < used -> Base.reg s "lr" i = io (D t) w (W_LR + i)) /\ (used <> 0 -> Base.reg s "ich_hcr" 0 = io (D t) w W_HCR)
}.
(* The same, as it stays while the guest runs. *)
Record running (c : Z) (s : state) (t : st) (w : Z) : Prop := {
  i_runs : u_run (cpu (P t) c) = true /\ u_vcpu (cpu (P t) c) = w;
  i_regs : forall k, 0 <= k < W_GP -> Context.live (cell s "vcpu_context" w) s k = greg t w k;
  i_aside : protected (P t) (vm_of w) = true -> aside s t w
}.

Lemma running_related c s t : Q c s t -> Q c s (mkst (change_cpu c (cpu_with_run true) (P t)) (D t)).
Proof.
  intros R. set (p := change_cpu _ _ _).
  assert (Ar : forall x, at_rest p x -> at_rest (P t) x).
  { intros x (X & Y & Z). split; [exact X|]. split; [exact Y|]. intros L. specialize (Z L). revert Z. unfold p. peel. unfold upd.
    destruct (Z.eqb_spec (c_cpu (vcpu (P t) x)) c); [discriminate|auto]. }
  assert (Hc : forall x, has_context p x -> has_context (P t) x) by (intros x X; exact X).
  unfold p in *. clear p. related R.
Qed.

(* The answer is taken: nothing is pending; a vCPU that CPU_ON started is on. *)
Definition answer_taken (r : vcpurec) : vcpurec :=
  vcpu_with_pending PENDING_NONE 0 (if c_power r =? POWER_BOOT then vcpu_with_power POWER_ON r else r).
Definition taken_cells (w : Z) (s : state) : state :=
  setcell "vcpu_pending" w PENDING_NONE (if cell s "vcpu_power" w =? POWER_BOOT then setcell "vcpu_power" w POWER_ON s else s).
Lemma taken_related c s t w : Q c s t -> is_vcpu w -> Q c (taken_cells w s) (mkst (change_vcpu w answer_taken (P t)) (D t)).
Proof.
  intros R W. set (p := change_vcpu _ _ _).
  assert (E : forall x, c_state (vcpu p x) = c_state (vcpu (P t) x) /\ c_cpu (vcpu p x) = c_cpu (vcpu (P t) x)).
  { intros x. unfold p. peel. unfold upd, answer_taken. destruct (Z.eqb_spec x w) as [->|]; auto. destruct (_ =? _); auto. }
  assert (Ar : forall x, at_rest p x -> at_rest (P t) x).
  { intros x. destruct (E x) as [E1 E2]. unfold at_rest. rewrite E1, E2. auto. }
  assert (Hc : forall x, has_context p x -> has_context (P t) x).
  { intros x. destruct (E x) as [E1 _]. unfold has_context. rewrite E1. auto. }
  unfold taken_cells. rewrite (r_vcpu_power _ _ _ _ R w W). unfold p, answer_taken in *. clear p E.
  destruct (Z.eqb_spec (c_power (vcpu (P t) w)) POWER_BOOT) as [B|B].
  all: related R.
  all: match goal with H : c_pending (upd _ ?k _ ?x) <> PENDING_NONE |- _ =>
    unfold upd in H; destruct (Z.eqb_spec x k); [exfalso; apply H; reflexivity|first [contradiction|auto]] end.
Qed.

Lemma check_eq c s t w flags : Q c s t -> sound -> inv (P t) -> is_vcpu w -> c_state (vcpu (P t) w) <> VCPU_FREE ->
  check_run (v_type (vm (P t) (vm_of w))) (cell s "vcpu_power" w) (cell s "vcpu_pending" w) (cell s "vcpu_esr" w) flags =
  run_check w flags (P t).
Proof.
  intros R B J W Ex. unfold check_run, run_check, ensure. rewrite B. cbn [orb]. pose proof (type_protected (P t) w J Ex) as Tp.
  rewrite (r_vcpu_power _ _ _ _ R w W), (r_vcpu_pending _ _ _ _ R w W). destruct (protected (P t) (vm_of w)); cbn [negb].
  - symmetry in Tp. apply Z.eqb_eq in Tp. rewrite Tp. change (KCORE_VM_PROTECTED =? KCORE_VM_NORMAL) with false. cbv iota.
    destruct (Z.eq_dec (c_pending (vcpu (P t) w)) PENDING_NONE) as [E|N].
    + rewrite E, (enter_allowed_none (cell s "vcpu_esr" w) (c_esr (vcpu (P t) w))). reflexivity.
    + rewrite (r_vcpu_esr _ _ _ _ R w W N). reflexivity.
  - symmetry in Tp. apply Z.eqb_neq in Tp. pose proof (r_kind _ _ _ _ R _ (vm_handle w W)) as K.
    replace (v_type (vm (P t) (vm_of w))) with KCORE_VM_NORMAL; [reflexivity|]. unfold KCORE_VM_NORMAL, KCORE_VM_PROTECTED in *. lia.
Qed.

(* Entry of a protected vCPU: boot registers, then the answer. *)
Definition load_protected (w ct flags : Z) (s : state) : state :=
  answered w flags (load_el1 ct (if cell s "vcpu_power" w =? POWER_BOOT then booted w ct s else s)).
Lemma load_protected_rest w ct flags s :
  cell (load_protected w ct flags s) = cell (taken_cells w s) /\ held (load_protected w ct flags s) = held s /\
  (forall n i, String.eqb n "el1" = false -> Base.reg (load_protected w ct flags s) n i = Base.reg s n i) /\
  Base.s1 (load_protected w ct flags s) = Base.s1 s /\ Base.tab (load_protected w ct flags s) = Base.tab s /\
  Base.leaf (load_protected w ct flags s) = Base.leaf s /\ Base.table (load_protected w ct flags s) = Base.table s.
Proof.
  unfold load_protected, taken_cells, booted. destruct (_ =? POWER_BOOT); (split; [reflexivity|]; split; [reflexivity|]; split;
    [|repeat split; reflexivity]).
  all: intros n i N; unfold answered; rewrite put_live_reg by exact N; unfold load_el1, load_bank;
    cbn [Base.reg setcell setregs put_words setwords];
    rewrite N; reflexivity.
Qed.
Lemma load_protected_other w ct flags s x : cell s "vcpu_context" w = ct -> (forall o, 0 <= o < W_GP -> x <> ct + o * 8) ->
  word (load_protected w ct flags s) x = word s x.
Proof.
  intros E M.
  unfold load_protected, answered. set (u := load_el1 ct _).
  assert (Eu : cell u "vcpu_context" w = ct) by (unfold u; destruct (_ =? POWER_BOOT); exact E).
  rewrite (put_live_other _ W_GP) by (rewrite ?Eu; auto using enter_writes_bound).
    change (word (setcell "vcpu_pending" w PENDING_NONE u)) with (word u).
  unfold u. change (word (load_el1 ct ?y)) with (word y). destruct (_ =? POWER_BOOT); [|reflexivity]. unfold booted.
  rewrite (put_words_other _ W_GP) by auto using boot_writes_bound. reflexivity.
Qed.
Lemma live_loaded ct s k : 0 <= k < W_GP -> Context.live ct (load_el1 ct s) k = words_of ct s k.
Proof.
  intros K. unfold Context.live, is_el1, words_of. destruct ((34 <=? k) && (k <? 58)) eqn:E; [|reflexivity]. props.
  unfold load_el1, load_bank. cbn [Base.reg setregs String.eqb Ascii.eqb Bool.eqb andb].
  rewrite (proj2 (Z.leb_le 0 (k - 34))), (proj2 (Z.ltb_lt (k - 34) (0 + KCORE_NR_SYSREGS))) by (unfold KCORE_NR_SYSREGS; lia). cbn [andb].
  unfold whole. f_equal. unfold CTX_SYS. lia.
Qed.
Lemma load_protected_live w ct flags s r value R k : cell s "vcpu_context" w = ct -> 0 <= k < W_GP ->
  (forall k, 0 <= k < W_GP -> word s (ct + k * 8) = R k) ->
  cell s "vcpu_far" w = R W_KEPT -> cell s "vcpu_entry" w = R (W_KEPT + 1) -> cell s "vcpu_entry_x0" w = R (W_KEPT + 2) ->
  cell s "vcpu_power" w = c_power r -> cell s "vcpu_pending" w = c_pending r ->
  (c_pending r <> PENDING_NONE -> cell s "vcpu_esr" w = c_esr r) -> (c_pending r = PENDING_NONE -> flags = 0) ->
  (forall j, 0 <= j <= 31 -> words_of (cell s "vcpu_page" w) (if c_power r =? POWER_BOOT then booted w ct s else s) j = value j) ->
  Context.live ct (load_protected w ct flags s) k = entered r flags (value (field (c_esr r) 16 31)) R k.
Proof.
  intros Ec K Wd E0 E1 E2 Ep En Es Ez Ev. unfold load_protected, answered. rewrite Ep.
  set (b := if c_power r =? POWER_BOOT then booted w ct s else s) in *. set (u := load_el1 ct b).
  assert (Cu : forall n, existsb (String.eqb n) ["vcpu_power"] = false -> cell u n w = cell s n w).
  { intros n N. cbn [existsb] in N. rewrite orb_false_r in N. unfold u, b. destruct (_ =? POWER_BOOT); [|reflexivity].
    unfold booted. cbn [cell load_el1 load_bank setregs put_words setwords]. rewrite cell_setcell, N. reflexivity. }
  rewrite (Cu "vcpu_context"), (Cu "vcpu_pending"), (Cu "vcpu_page"), (Cu "vcpu_esr"), Ec, En by reflexivity.
  set (R1 := if c_power r =? POWER_BOOT then writes 0 W_GP (boot_writes R) R else R).
  assert (L1 : forall j, 0 <= j < W_GP -> Context.live ct u j = R1 j).
  { intros j Hj. unfold u. rewrite live_loaded by exact Hj. unfold b, R1. destruct (_ =? POWER_BOOT); [|apply Wd, Hj].
    unfold booted, words_of. rewrite (put_words_at ct W_GP) by auto using boot_writes_bound.
    replace (boot_writes (with_entry w s)) with (boot_writes R) by (unfold boot_writes, with_entry; cbn; rewrite E1, E2; reflexivity).
    apply writes_ext. apply Wd, Hj. }
  rewrite put_live_at by auto using enter_writes_bound. change (Context.live ct (setcell "vcpu_pending" w PENDING_NONE u)) with
    (Context.live ct u).
  assert (Wr : enter_writes (c_pending r) (cell s "vcpu_esr" w) flags (words_of (cell s "vcpu_page" w) u (field (cell s "vcpu_esr" w)
    16 31)) (live_kept w u) =
    enter_writes (c_pending r) (c_esr r) flags (value (field (c_esr r) 16 31)) R1).
  { destruct (Z.eq_dec (c_pending r) PENDING_NONE) as [Z0|Z0]; [rewrite (Ez Z0); reflexivity|]. rewrite (Es Z0).
    change (words_of (cell s "vcpu_page" w) u) with (words_of (cell s "vcpu_page" w) b). rewrite Ev by apply field_below.
    apply enter_writes_same. intros j Hj. unfold live_kept. rewrite (Cu "vcpu_context"), (Cu "vcpu_far"), Ec, E0 by reflexivity.
    destruct (Z.eqb_spec j State.W_KEPT) as [->|Nj].
    - unfold R1. destruct (_ =? POWER_BOOT); [|reflexivity]. symmetry. apply writes_outside. reflexivity.
    - apply L1. unfold W_PC, W_PSTATE, W_SCTLR, W_VBAR, W_KEPT, W_GP, State.W_KEPT in *. lia. }
  rewrite Wr. unfold entered. fold R1. apply writes_ext. apply L1, K.
Qed.

(* From the guest's registers to the entry. *)
Definition entry_regs (c w type ct pg : Z) (s : state) : state :=
  let hcr := hcr_run type (pg * PAGE_BYTES) s in
  let s := controls c w type (pg * PAGE_BYTES) s in
  let s := setreg "elr" 0 (words_of ct s 31) s in
  setreg "spsr" 0 (entered_pstate hcr (negb (cell s "has_aarch32" 0 =? 0)) (words_of ct s 32) type) s.
(* Of the registers of a guest, the controls and those of AArch32. *)
Lemma controls_regs c w type page s : let s' := controls c w type page s in
  cell s' = cell s /\ word s' = word s /\ narrow (Base.reg s' "hcr" 0) = narrow (hcr_run type page s) /\
  Z.land (Base.reg s' "hcr" 0) RUN_BITS = Z.land (hcr_run type page s) RUN_BITS /\
  (narrow (hcr_run type page s) = true -> forall i, 0 <= i < NR_A32 -> Base.reg s' "a32" i = word s (page + CTX_A32 + i * 8)).
Proof.
  cbv zeta. set (h := hcr_run type page s). assert (X : forall b : bool, let v := if b then Z.lor h HCR_RAS else h in
    narrow v = narrow h /\ Z.land v RUN_BITS = Z.land h RUN_BITS).
  { intros []; cbv zeta; [|split; reflexivity]. unfold narrow. rewrite !Z.land_lor_distr_l. change (Z.land HCR_RAS KCORE_HCR_RW) with 0.
    change (Z.land HCR_RAS RUN_BITS) with 0. rewrite !Z.lor_0_r. split; reflexivity. }
  specialize (X (negb (cell s "has_ras" 0 =? 0))). cbv zeta in X. unfold controls. cbv zeta. fold h. destruct X as [X1 X2].
  set (v := if negb (cell s "has_ras" 0 =? 0) then Z.lor h HCR_RAS else h) in *.
  assert (Y : forall i, 0 <= i < NR_A32 -> forall x, Base.reg (load_bank whole "a32" 0 NR_A32 (page + CTX_A32) x) "a32" i = word x (page + CTX_A32 + i * 8)).
  { intros i Hi x. unfold load_bank. cbn [Base.reg setregs String.eqb Ascii.eqb Bool.eqb andb].
    rewrite (proj2 (Z.leb_le 0 i)), (proj2 (Z.ltb_lt i (0 + NR_A32))) by lia. unfold whole. cbn [andb]. f_equal. lia. }
  split; [|split; [|split; [|split]]].
  - destruct (_ && _), (narrow h), (sve_run _ _ _ _); reflexivity.
  - destruct (_ && _), (narrow h), (sve_run _ _ _ _); reflexivity.
  - transitivity (narrow v); [|exact X1]. destruct (_ && _), (narrow h), (sve_run _ _ _ _); reflexivity.
  - transitivity (Z.land v RUN_BITS); [|exact X2]. destruct (_ && _), (narrow h), (sve_run _ _ _ _); reflexivity.
  - intros N i Hi. rewrite N. destruct (_ && _), (sve_run _ _ _ _); rewrite !reg_other by reflexivity; unfold a32_entered; rewrite (Y i Hi); reflexivity.
Qed.
Lemma entry_quiet c w type ct pg s : let s' := entry_regs c w type ct pg s in quiet kept_regs s s' /\
  Base.reg s' "vttbr" 0 = vttbr_of s (vm_of w) /\ Base.reg s' "elr" 0 = words_of ct s 31 /\
  Base.reg s' "spsr" 0 = entered_pstate (Base.reg s' "hcr" 0) (negb (cell s "has_aarch32" 0 =? 0)) (words_of ct s 32) type.
Proof.
  cbv zeta. destruct (controls_quiet c w type (pg * PAGE_BYTES) s) as [X1 X2].
  destruct (controls_regs c w type (pg * PAGE_BYTES) s) as (C & W & N & _ & _). unfold entry_regs. cbv zeta.
  set (u := controls _ _ _ _ _) in *. split; [|split; [|split]].
  - apply (quiet_trans _ _ _ _ X1). quiet_.
  - exact X2.
  - rewrite reg_other by reflexivity. rewrite reg_setreg_same. unfold words_of. rewrite W. reflexivity.
  - rewrite reg_setreg_same. unfold entered_pstate, words_of. rewrite !reg_other by reflexivity. rewrite N.
    change (cell (setreg ?a ?b ?d u)) with (cell u). change (word (setreg ?a ?b ?d u)) with (word u). rewrite C, W. reflexivity.
Qed.
(* RW is clear only where the page of a normal VM asks for that, and the machine has it. *)
Definition wide_type (s : state) (type : Z) : bool := negb (type =? KCORE_VM_NORMAL) || negb (cell s "has_aarch32" 0 =? AARCH32_EL1).
Lemma run_bits s type page : Z.land (hcr_run type page s) RUN_BITS = Z.lor (Z.land (words_of page s State.W_IO) WISHES)
  (if wide_type s type || bit_of (words_of page s State.W_IO) KCORE_HCR_RW then KCORE_HCR_RW else 0).
Proof.
  unfold hcr_run, guest_hcr, wide_type, bit_of. set (x := words_of page s State.W_IO).
  assert (L : forall a b, Z.land (Z.lor a (Z.land x b)) RUN_BITS = Z.lor (Z.land a RUN_BITS) (Z.land x (Z.land b RUN_BITS))).
  { intros a b. rewrite Z.land_lor_distr_l, Z.land_assoc. reflexivity. }
  destruct (type =? KCORE_VM_NORMAL); cbn [negb orb].
  - unfold hcr_normal, narrow. destruct (Z.land x KCORE_HCR_RW =? 0), (cell s "has_aarch32" 0 =? AARCH32_EL1); cbn [negb andb orb]; rewrite L, Z.lor_comm; reflexivity.
  - rewrite L, Z.lor_comm. reflexivity.
Qed.
Lemma entry_wishes c w type ct pg s : let s' := entry_regs c w type ct pg s in
  Z.land (Base.reg s' "hcr" 0) RUN_BITS = Z.lor (Z.land (word s (pg * PAGE_BYTES + W_IO * 8)) WISHES)
    (if wide_type s type || bit_of (word s (pg * PAGE_BYTES + W_IO * 8)) KCORE_HCR_RW then KCORE_HCR_RW else 0) /\
  (narrow (Base.reg s' "hcr" 0) = true -> wide_type s type = false /\
    forall i, 0 <= i < NR_A32 -> Base.reg s' "a32" i = word s (pg * PAGE_BYTES + (W_A32 + i) * 8)).
Proof.
  cbv zeta. destruct (controls_regs c w type (pg * PAGE_BYTES) s) as (_ & _ & N & B & A). pose proof (run_bits s type (pg * PAGE_BYTES)) as R.
  change (words_of (pg * PAGE_BYTES) s State.W_IO) with (word s (pg * PAGE_BYTES + W_IO * 8)) in R.
  unfold entry_regs. cbv zeta. set (u := controls _ _ _ _ _) in *. rewrite !reg_other by reflexivity. split; [rewrite B; exact R|].
  rewrite N. intros Y. split.
  - assert (X : Z.land (Z.land (hcr_run type (pg * PAGE_BYTES) s) RUN_BITS) KCORE_HCR_RW = 0).
    { rewrite <- Z.land_assoc. change (Z.land RUN_BITS KCORE_HCR_RW) with KCORE_HCR_RW. apply Z.eqb_eq, Y. }
    rewrite R, Z.land_lor_distr_l, <- Z.land_assoc in X. change (Z.land WISHES KCORE_HCR_RW) with 0 in X. rewrite Z.land_0_r, Z.lor_0_l in X.
    destruct (wide_type s type); [discriminate X|reflexivity].
  - intros i Hi. rewrite !reg_other by reflexivity. rewrite (A Y i Hi). f_equal. unfold CTX_A32, W_A32. lia.
Qed.

Lemma entered_related c s t w pg ct type wide m : Q c s t -> (forall k, k <> State.W_FLAGS -> m k = mem (D t) pg k) ->
  core pg = false -> 0 <= pg < 268435456 -> w <> NO_VCPU -> w = u_vcpu (cpu (P t) c) ->
  u_run (cpu (P t) c) = true -> type = v_type (vm (P t) (vm_of w)) -> protected (P t) (vm_of w) = negb (type =? KCORE_VM_NORMAL) ->
  wide = protected (P t) (vm_of w) || negb aarch32 -> ct = cell s "vcpu_context" w -> held s = false ->
  (forall k, 0 <= k < W_GP -> Context.live ct s k = greg t w k) -> (protected (P t) (vm_of w) = true -> aside s t w) ->
  exists s', (let* (_, s) := (if gicv3 then p_gic_lrs_load plain [pg * PAGE_BYTES] (entry_regs c w type ct pg s) else Ok (0,
    entry_regs c w type ct pg s)) in
      Ok (0, setreg "selected" 0 1 (setreg "guest_context" 0 ct s))) = Ok (0, s') /\ held s' = false /\
    let t' := mkst (P t) (set_io (upd (io (D t)) w (io_loaded wide m (io (D t) w))) (D t)) in Q c s' t' /\ guest_in c s' t' w.
Proof.
  intros R Hm Cg Lp N Ew U Et Ep Ewi Ect H G As. destruct (entry_quiet c w type ct pg s) as (Q1 & V1 & E1 & S1).
    destruct (entry_wishes c w type ct pg s) as [Ew1 Ea]. set (u := entry_regs c w type ct pg s) in *.
  assert (Ewt : wide = wide_type s type).
  { unfold wide_type. rewrite Ewi, Ep, (n_aarch32 _ I), (r_fixed _ _ _ _ R) by (cbn; tauto). reflexivity. }
  assert (Ru : Q c u t).
  { destruct Q1. apply (keep_regs fixed c s); auto.
    - intros n i In_. apply o_reg0. right. apply in_or_app. left. exact In_.
    - intros Gc. destruct (r_vgic _ _ _ _ R Gc) as (A1 & A2 & A3). cbv zeta. rewrite !o_reg0 by (cbn; tauto). split; [exact A1|].
      split; [exact A2|]. intros Nn. destruct (A3 Nn) as [A4 A5]. split; [exact A4|]. intros j Hj. rewrite !o_reg0 by (cbn; tauto).
        apply A5, Hj. }
  assert (Wd : forall o, 0 <= o < 512 -> word u (pg * PAGE_BYTES + o * 8) = mem (D t) pg o) by (intros o O;
    apply (page_word fixed c u t); auto).
  assert (St : exists v, (if gicv3 then p_gic_lrs_load plain [pg * PAGE_BYTES] u else Ok (0, u)) = Ok (0, v) /\ quiet kept_vgic u v /\
    Base.reg v "vttbr" 0 = Base.reg u "vttbr" 0 /\ Base.reg v "elr" 0 = Base.reg u "elr" 0 /\ Base.reg v "spsr" 0 = Base.reg u "spsr" 0 /\
    Base.reg v "hcr" 0 = Base.reg u "hcr" 0 /\ (forall i, Base.reg v "a32" i = Base.reg u "a32" i) /\ (gicv3 = true -> let x := io_loaded wide m (io (D t) w) in
      (0 <= Base.reg v "ich_vmcr" 0 < 2 ^ 32 /\ Base.reg v "ich_vmcr" 0 = x W_VMCR) /\ Base.reg v "lrs" 0 = x W_USED /\
      (forall i, 0 <= i < x W_USED -> Base.reg v "lr" i = x (W_LR + i)) /\ (x W_USED <> 0 -> Base.reg v "ich_hcr" 0 = x W_HCR))).
  { destruct gicv3 eqn:Gc.
    - exists (gic_entered (pg * PAGE_BYTES) u). unfold p_gic_lrs_load. rewrite (ctx_context _ _ (page_area fixed I c u t pg Ru Lp Cg)).
      destruct (gic_entered_quiet (pg * PAGE_BYTES) u) as (A & A1). split; [reflexivity|]. split; [exact A|].
      do 3 (split; [destruct A as [_ _ _ _ _ _ _ Ar]; apply Ar; cbn; tauto|]).
      pose proof (gic_entered_regs (pg * PAGE_BYTES) u) as A2. cbv zeta in A2. destruct A2 as (A2 & A3 & A4 & A5). split; [exact A5|].
      split; [intros i; unfold gic_entered; cbv zeta; destruct (word u (vgic (pg * PAGE_BYTES) 2) =? 0), (lrs_used (pg * PAGE_BYTES) u =? 0); reflexivity|]. intros _. cbv zeta.
      assert (Us : lrs_used (pg * PAGE_BYTES) u = io_loaded wide m (io (D t) w) W_USED).
      { unfold lrs_used. rewrite vgic_at. change (W_HCR + 3) with W_USED. rewrite Wd by (unfold W_USED; lia). rewrite (r_fixed _ _ _ _ Ru) by (cbn; tauto).
        destruct (n_info _ I 0) as [<- _]; [unfold is_cpu, KCORE_MAX_CPUS; lia|]. unfold io_loaded. rewrite Gc, Hm by discriminate. reflexivity. }
      rewrite Us in *. split; [|split; [exact A2|split]].
      + rewrite A1, !vgic_at. change (W_HCR + 2) with W_SRE. change (W_HCR + 1) with W_VMCR. rewrite !Wd by (unfold W_SRE, W_VMCR; lia).
        destruct (r_vgic _ _ _ _ Ru Gc) as (B1 & _ & B3). rewrite <- Ew in B3. destruct (B3 N) as [B4 _].
        unfold io_loaded. rewrite Gc. cbn [negb]. change (W_VMCR =? W_IO) with false. change (W_VMCR =? W_VSESR) with false.
        change (inside W_VMCR W_A32 N_A32) with false.
        change (W_VMCR =? W_HCR) with false. rewrite Z.eqb_refl, !Hm by discriminate. destruct (mem (D t) pg W_SRE =? 0);
          [split; [apply low32_range|reflexivity]|split; [exact B1|exact B4]].
      + intros i Hi. rewrite A3 by exact Hi. rewrite vgic_at. change (W_HCR + 12) with W_LR. rewrite <- Z.add_assoc, <- Z.mul_add_distr_r.
        pose proof (n_lrs _ I) as Nl. assert (Bu : io_loaded wide m (io (D t) w) W_USED = Z.min (m W_USED) nr_lrs) by (unfold io_loaded; rewrite Gc; reflexivity).
        rewrite Bu in Hi. rewrite Wd by (unfold W_LR; lia). unfold io_loaded. rewrite Gc. unfold W_IO, W_VSESR, W_HCR, W_VMCR, W_SRE, W_LR in *. cbn [negb].
        rewrite !(proj2 (Z.eqb_neq (80 + i) _)) by (unfold W_USED; lia). replace (inside (80 + i) W_A32 N_A32) with false
          by (symmetry; unfold inside, W_A32; rewrite (proj2 (Z.leb_gt 98 (80 + i))) by lia; reflexivity). replace (inside (80 + i) 80 _) with true;
          [symmetry; apply Hm; unfold State.W_FLAGS; lia|]. symmetry. apply inside_spec. lia.
      + intros Nu. rewrite A4 by exact Nu. rewrite vgic_at. change (W_HCR + 0) with W_HCR. rewrite Wd by (unfold W_HCR; lia).
        assert (Bu : io_loaded wide m (io (D t) w) W_USED = Z.min (m W_USED) nr_lrs) by (unfold io_loaded; rewrite Gc; reflexivity).
        rewrite Bu in Nu. unfold io_loaded. rewrite Gc. cbn [negb]. change (W_HCR =? W_IO) with false. change (W_HCR =? W_VSESR) with false.
        change (inside W_HCR W_A32 N_A32) with false.
        rewrite Z.eqb_refl, (proj2 (Z.eqb_neq _ _) Nu), Hm by discriminate. reflexivity.
    - exists u. split; [reflexivity|]. split; [constructor; reflexivity|]. do 5 (split; [reflexivity|]). discriminate. }
  destruct St as (v & -> & Qv & V2 & E2 & S2 & Hc & Ha & Vm). cbn [bind]. eexists. split; [reflexivity|].
  destruct Q1 as [C1 W1 H1 T1 T2 T3 T4 Rg1]. destruct Qv as [C2 W2 H2 T5 T6 T7 T8 Rg2].
  split; [cbn [held setreg setregs]; rewrite H2, H1; exact H|]. cbv zeta. set (t' := mkst _ _).
  assert (Gr : greg t' w = greg t w) by reflexivity.
  assert (Ra : forall n i, In n ("el1" :: known_regs)%list -> Base.reg (setreg "selected" 0 1 (setreg "guest_context" 0 ct v)) n i =
    Base.reg s n i).
  { intros n i In_. rewrite !reg_other by (cbn in In_; repeat (destruct In_ as [<-|In_]; [reflexivity|]); destruct In_).
    rewrite Rg2, Rg1; [reflexivity|..]; cbn in In_ |- *; tauto. }
  split.
  - apply (keep_gic fixed c s _ t t' R); auto; cbn [cell word Base.s1 Base.tab Base.leaf Base.table setreg setregs]; try congruence.
    + intros n i In_. apply Ra. right. exact In_.
    + intros Gc. cbv zeta. destruct (Vm Gc) as ((A1 & A2) & _). rewrite !reg_other by reflexivity. split; [exact A1|].
      unfold t'. cbn [P D io set_io]. rewrite <- Ew. split; [intros X; contradiction|]. intros _. unfold upd. rewrite Z.eqb_refl. split;
        [exact A2|].
      intros j Hj. pose proof nr_aprs_range as Na. rewrite !reg_other by reflexivity. rewrite !Rg2, !Rg1 by (cbn; tauto).
      destruct (r_vgic _ _ _ _ R Gc) as (_ & _ & B3). rewrite <- Ew in B3. destruct (B3 N) as [_ B4]. destruct (B4 j Hj) as [-> ->].
      assert (K : forall k, W_AP0R <= k < W_AP0R + 8 -> io_loaded wide m (io (D t) w) k = io (D t) w k).
      { intros k Hk. unfold io_loaded. rewrite Gc. unfold W_AP0R, W_IO, W_VSESR, W_HCR, W_VMCR, W_SRE, W_USED, W_LR in *. cbn [negb].
        rewrite !(proj2 (Z.eqb_neq k _)) by lia. replace (inside k W_A32 N_A32) with false
          by (symmetry; unfold inside, W_A32; rewrite (proj2 (Z.leb_gt 98 k)) by lia; reflexivity). replace (inside k 80 _) with false; [reflexivity|]. symmetry. unfold inside.
        rewrite (proj2 (Z.leb_gt 80 k)) by lia. reflexivity. }
      rewrite !K by (unfold W_AP0R, W_AP1R in *; lia). split; reflexivity.
  - assert (Lv : forall k, 0 <= k < W_GP -> is_el1 k = false -> words_of ct s k = greg t w k).
    { intros k Hk El. rewrite <- (G k Hk). unfold Context.live. rewrite El. reflexivity. }
    constructor.
    + split; [exact U|symmetry; exact Ew].
    + rewrite !reg_other by reflexivity. rewrite V2, V1. unfold vttbr_of, root. cbn [cell setreg setregs]. rewrite C2, C1. reflexivity.
    + split; [reflexivity|]. cbn [cell setreg setregs]. rewrite C2, C1, <- Ect. reflexivity.
    + rewrite !reg_other by reflexivity. rewrite E2, E1, S2, S1, Hc, Gr. rewrite !Lv by (unfold W_GP; lia || reflexivity).
      rewrite (r_fixed _ _ _ _ R) by (cbn; tauto). rewrite Et. split; reflexivity.
    + intros k Hk. rewrite Gr, <- (G k Hk). cbn [cell setreg setregs]. rewrite C2, C1, <- Ect. unfold Context.live, words_of.
      destruct (is_el1 k); [apply Ra; left; reflexivity|]. cbn [word setreg setregs]. rewrite W2, W1. reflexivity.
    + intros Pr. apply (aside_same s _ t); auto; cbn [word cell setreg setregs]; [rewrite W2, W1|rewrite C2, C1]; auto.
    + rewrite !reg_other by reflexivity. rewrite Hc, Ew1. rewrite <- W1, Wd by (unfold W_IO; lia).
      unfold t'. cbn [D io set_io]. unfold upd. rewrite Z.eqb_refl. unfold io_loaded. rewrite Z.eqb_refl, Hm by discriminate. rewrite Ewt. reflexivity.
    + rewrite !reg_other by reflexivity. rewrite Hc. intros Nr. destruct (Ea Nr) as [Nw Ar]. split.
      * rewrite <- Ewt, Ewi in Nw. apply orb_false_iff in Nw as [Nw _]. exact Nw.
      * intros i Hi. rewrite !reg_other by reflexivity. rewrite Ha, (Ar i Hi). rewrite <- W1, Wd by (unfold W_A32, NR_A32 in *; lia).
        unfold t'. cbn [D io set_io]. unfold upd. rewrite Z.eqb_refl. unfold io_loaded.
        rewrite !(proj2 (Z.eqb_neq (W_A32 + i) _)) by (unfold W_A32, W_IO, W_VSESR; lia).
        replace (inside (W_A32 + i) W_A32 N_A32) with true by (symmetry; apply inside_spec; unfold N_A32, NR_A32 in *; lia).
        symmetry. apply Hm. unfold W_A32, State.W_FLAGS. lia.
    + intros Gc. cbv zeta. destruct (Vm Gc) as (_ & A1 & A2 & A3). unfold t'. cbn [D io set_io]. unfold upd. rewrite Z.eqb_refl.
      rewrite !reg_other by reflexivity. split; [exact A1|]. split; [|exact A3]. intros i Hi. rewrite !reg_other by reflexivity. apply A2, Hi.
Qed.

(* ------------------------------------------------------------------ the call *)

Lemma run_sim c s t w : Q c s t -> held s = false -> sound -> inv (P t) -> idle (P t) c = true -> 0 <= w ->
  exists r s', s_hc_vcpu_run [w] s = Ok (r, s') /\ held s' = false /\
    if r =? 0 then Q c s' (host_run c w t) /\ guest_in c s' (host_run c w t) w
    else Q c (setreg "host_x" 0 r s') (host_run c w t) /\ u_run (cpu (P (host_run c w t)) c) = false.
Proof.
  intros R H B J Id W. unfold idle in Id. apply andb_true_iff in Id as [U _]. apply negb_true_iff in U.
  destruct (r_cpu_id _ _ _ _ R) as [Ec C]. unfold s_hc_vcpu_run. rewrite Ec, (proj2 (Z.leb_le 0 w) W).
  replace (cpu_ok c) with true by (symmetry; unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
    cbn [andb].
  assert (Refused : forall r, r <> 0 -> host_run c w t = mkst (P t) (do_effects [HostX c 0 r] (D t)) ->
    exists r' s', Ok (r, s) = Ok (r', s') /\ held s' = false /\
      if r' =? 0 then Q c s' (host_run c w t) /\ guest_in c s' (host_run c w t) w
      else Q c (setreg "host_x" 0 r' s') (host_run c w t) /\ u_run (cpu (P (host_run c w t)) c) = false).
  { intros r N ->. exists r, s. split; [reflexivity|]. split; [exact H|]. rewrite (proj2 (Z.eqb_neq r 0) N).
    split; [apply (keep_x fixed c 0 r s t R); lia|exact U]. }
  destruct (Z.leb_spec KCORE_NR_VCPUS w) as [Wb|Wb].
  { apply Refused; [discriminate|]. unfold host_run, vcpu_run. rewrite (proj2 (Z.leb_le _ _) Wb), orb_true_r. reflexivity. }
  assert (Wv : is_vcpu w) by (unfold is_vcpu; lia). pose proof (vm_handle w Wv) as Hv.
  rewrite (r_cpu_vcpu _ _ _ _ R c C). destruct (Z.eqb_spec (u_vcpu (cpu (P t) c)) w) as [Eu|Eu]; cbn [negb].
  2: { apply Refused; [discriminate|]. unfold host_run, vcpu_run. rewrite (proj2 (Z.ltb_ge w 0) W), (proj2 (Z.leb_gt _ _) Wb).
       cbn [orb]. rewrite (proj2 (Z.eqb_neq _ _) Eu). reflexivity. }
  pose proof (vcpu_not_none w Wv) as N. destruct (i_cpu _ J c) as [Ld Cc]; [congruence|]. rewrite Eu in Ld, Cc.
  assert (Ex : c_state (vcpu (P t) w) <> VCPU_FREE) by (rewrite Ld; discriminate).
  destruct (vcpu_areas fixed I c s t w R J Wv Ex) as (Mm & Ok_ & Gn). pose proof (type_protected (P t) w J Ex) as Tp.
  pose proof (vcpu_page_host fixed c s t w R J Ex) as Cg. pose proof (vcpu_page_below fixed I c s t w R J Ex) as Lp.
  change (w / KCORE_VM_VCPUS) with (vm_of w).
  replace (run_ok s w) with true.
  2: { symmetry. unfold run_ok. change (w / KCORE_VM_VCPUS) with (vm_of w). rewrite (r_vm_type _ _ _ _ R _ Hv), <- Tp,
    (roots_fine fixed I c s t _ R Hv),
         (host_area fixed I c s t R), H. destruct (protected (P t) (vm_of w)); [rewrite (Ok_ eq_refl)|rewrite Mm]; reflexivity. }
  unfold enter. change (w / KCORE_VM_VCPUS) with (vm_of w). rewrite (r_vm_type _ _ _ _ R _ Hv), (r_vcpu_page _ _ _ _ R w Wv).
  set (pg := c_page (vcpu (P t) w)) in *. set (ct := cell s "vcpu_context" w). set (type := v_type (vm (P t) (vm_of w))) in *.
  assert (Fl : words_of (pg * PAGE_BYTES) s State.W_FLAGS = run_flags t w).
  { unfold words_of, run_flags. apply (page_word fixed c s t); auto. unfold State.W_FLAGS. lia. }
  rewrite Fl. set (flags := run_flags t w) in *. cbv zeta.
  pose proof (check_eq c s t w flags R B J Wv Ex) as Ck. fold type in Ck. rewrite !Ck.
  destruct (Z.eqb_spec (run_check w flags (P t)) 0) as [Rc|Rc]; cbn [negb].
  2: { apply Refused; [exact Rc|]. unfold host_run, vcpu_run. rewrite (proj2 (Z.ltb_ge w 0) W), (proj2 (Z.leb_gt _ _) Wb). cbn [orb].
       rewrite Eu, Z.eqb_refl. fold flags. rewrite (proj2 (Z.eqb_neq _ _) Rc). cbn [negb andb]. rewrite (proj2 (Z.eqb_neq _ _) Rc).
         reflexivity. }
  rewrite (r_fixed _ _ _ _ R "has_gicv3") by (cbn; tauto). rewrite <- (n_gic _ I).
  (* the flags are taken *)
  set (s1 := put_words (pg * PAGE_BYTES) [(State.W_FLAGS, 0)] s). set (P1 := change_cpu c (cpu_with_run true) (P t)).
  set (m1 := writes 0 512 [(State.W_FLAGS, 0)] (mem (D t) pg)). set (D1 := set_mem (upd (mem (D t)) pg m1) (D t)).
  assert (Fb : Forall (fun p : Z * Z => 0 <= fst p < 512) [(State.W_FLAGS, 0)]) by (repeat constructor; cbn; unfold State.W_FLAGS; lia).
  assert (R1 : Q c s1 (mkst P1 D1)).
  { apply (keep_page fixed I c s s1 (mkst P1 (D t)) pg m1 (running_related c s t R) Cg); [constructor; reflexivity|..].
    - intros x Hx. apply (put_words_other _ 512); auto.
    - intros o O. unfold s1. rewrite (put_words_at _ 512) by auto. apply writes_ext. apply (page_word fixed c s t); auto. }
  (* the host's registers go to its half page *)
  set (s2 := stop_profiling s1).
  assert (F2 : cell s2 = cell s /\ word s2 = word s1 /\ Base.reg s2 = Base.reg s /\ held s2 = false /\ Base.s1 s2 = Base.s1 s /\
    Base.tab s2 = Base.tab s /\ Base.leaf s2 = Base.leaf s /\ Base.table s2 = Base.table s).
  { unfold s2, stop_profiling. destruct (negb _); repeat split; auto. }
  destruct F2 as (C2 & W2 & Rg2 & H2 & T1 & T2 & T3 & T4).
  assert (R2 : Q c s2 (mkst P1 D1)) by (apply (keep_ghost fixed c s1); auto).
  set (h := Base.reg s2 "host_context" 0). set (s3 := save_el1 h s2).
  assert (Eh : h = fixed "host_context" c) by (unfold h; rewrite Rg2; apply (r_host _ _ _ _ R)).
  assert (Wh : forall x, x < h \/ h + 2048 <= x -> word s3 x = word s2 x).
  { intros x Hx. unfold s3, save_el1, save_bank. cbn [word setwords]. unfold CTX_SYS, KCORE_NR_SYSREGS.
    destruct ((h + 272 <=? x) && (x <? h + 272 + 24 * 8)) eqn:E; [exfalso; props; lia|reflexivity]. }
  assert (R3 : Q c s3 (mkst P1 D1)) by (apply (keep_area c s2 s3); auto; cbv zeta; rewrite <- Eh; exact Wh).
  assert (H3 : held s3 = false) by exact H2.
  assert (C3 : cell s3 = cell s) by exact C2.
  (* the guest's come *)
  assert (Pw : forall j, 0 <= j < 512 -> word s3 (pg * PAGE_BYTES + j * 8) = m1 j).
  { intros j Hj. rewrite (page_word fixed c s3 (mkst P1 D1) pg j R3 Lp Cg Hj). cbn [D mem D1 set_mem]. unfold D1, upd. cbn [mem set_mem].
    now rewrite Z.eqb_refl. }
  assert (M1 : forall j, j <> State.W_FLAGS -> m1 j = mem (D t) pg j).
  { intros j Hj. unfold m1, writes. cbn [fold_left fst snd]. destruct (inside _ _ _); auto. unfold upd.
    now rewrite (proj2 (Z.eqb_neq _ _) Hj). }
  unfold load_guest. rewrite <- Tp. destruct (protected (P t) (vm_of w)) eqn:Pr.
  - assert (Hc : has_context (P t) w) by (split; [exact Wv|]; split; [exact Ex|exact Pr]).
    assert (Rest : at_rest (P t) w) by (split; [exact Ex|]; split; [exact Pr|]; rewrite Cc; auto).
    destruct (context_at fixed c s t w R Hc) as (k & Kk & Ek). fold ct in Ek.
    destruct (n_host _ I c C) as (B1 & B2 & _ & _ & B5). rewrite <- Eh in B1, B2, B5.
    destruct (n_pool_base _ I) as (B6 & B7 & B8 & B9). apply Z.div_exact in B2; [|lia]. apply Z.div_exact in B7; [|discriminate].
    assert (Wc : forall o, 0 <= o < 512 -> word s3 (ct + o * 8) = word s (ct + o * 8)).
    { intros o O. rewrite Wh, W2.
      - apply (put_words_other _ 512); auto. intros i Hi X. rewrite Ek in X. symmetry in X. revert X. apply page_apart; auto.
      - rewrite Ek. unfold pool_at, PAGE_BYTES in *. destruct B5; [right|left]; lia. }
    set (val := run_value t w). set (f := entered (vcpu (P t) w) flags val (ctx (D t) w)).
    set (P2 := change_vcpu w answer_taken P1). set (D2 := set_ctx (upd (ctx (D t)) w f) D1).
    fold (load_protected w ct flags s3). set (s4 := load_protected w ct flags s3).
    destruct (load_protected_rest w ct flags s3) as (L1 & L2 & L3 & L4 & L5 & L6 & L7). fold s4 in L1, L2, L3, L4, L5, L6, L7.
    pose proof (taken_related c s3 (mkst P1 D1) w R3 Wv) as Rt. cbn [P D] in Rt. fold P2 in Rt.
    assert (St : c_state (vcpu P2 w) = VCPU_LOADED /\ c_cpu (vcpu P2 w) = c).
    { unfold P2, answer_taken. peel. unfold upd. rewrite Z.eqb_refl. cbn [vcpu_with_pending c_state c_cpu]. unfold P1. peel.
      destruct (_ =? POWER_BOOT); cbn [vcpu_with_power c_state c_cpu]; split; auto. }
    destruct St as [St1 St2].
    assert (Ru : u_run (cpu P2 c) = true) by (unfold P2, P1; peel; unfold upd; now rewrite Z.eqb_refl).
    assert (R4 : Q c s4 (mkst P2 D2)).
    { apply (keep_running c (taken_cells w s3) s4 (mkst P2 D1) w D2 Rt); auto.
      - split; [exact Wv|]. split; [cbn [P]; rewrite St1; discriminate|exact Pr].
      - intros (_ & _ & X). cbn [P] in X. rewrite St1, St2, Ru in X. specialize (X eq_refl). discriminate.
      - intros x Hx.
        unfold s4. rewrite (load_protected_other w ct flags s3 x); [unfold taken_cells; destruct (cell s3 "vcpu_power" w =? POWER_BOOT);
          reflexivity|rewrite C3; reflexivity|].
        intros o O. specialize (Hx o ltac:(unfold W_GP in O; lia)). replace (cell (taken_cells w s3) "vcpu_context" w) with ct in Hx; [exact Hx|].
        unfold taken_cells. destruct (cell s3 "vcpu_power" w =? POWER_BOOT); cbn [cell setcell String.eqb Ascii.eqb Bool.eqb andb];
          rewrite C3; reflexivity.
      - intros n i In_. rewrite L3 by (cbn in In_; repeat (destruct In_ as [<-|In_]; [reflexivity|]); destruct In_).
        unfold taken_cells. destruct (cell s3 "vcpu_power" w =? POWER_BOOT); reflexivity.
      - rewrite L4. unfold taken_cells. destruct (cell s3 "vcpu_power" w =? POWER_BOOT); reflexivity.
      - rewrite L5. unfold taken_cells. destruct (cell s3 "vcpu_power" w =? POWER_BOOT); reflexivity.
      - rewrite L6. unfold taken_cells. destruct (cell s3 "vcpu_power" w =? POWER_BOOT); reflexivity.
      - rewrite L7. unfold taken_cells. destruct (cell s3 "vcpu_power" w =? POWER_BOOT); reflexivity.
      - intros x j Hx. unfold D2. cbn [ctx set_ctx]. unfold upd. now rewrite (proj2 (Z.eqb_neq _ _) Hx).
      - intros Gc. destruct (r_vgic _ _ _ _ R3 Gc) as (A1 & A2 & A3). cbv zeta. rewrite !L3 by reflexivity.
        split; [exact A1|]. split; [exact A2|]. intros Nn. destruct (A3 Nn) as [A4 A5]. split; [exact A4|]. intros j Hj.
        rewrite !L3 by reflexivity. apply A5, Hj. }
    assert (G4 : forall j, 0 <= j < W_GP -> Context.live ct s4 j = greg (mkst P2 D2) w j).
    { intros j Hj. unfold greg. replace (protected (P (mkst P2 D2)) (vm_of w)) with true by (symmetry; exact Pr).
      unfold D2. cbn [D ctx set_ctx]. unfold upd. rewrite Z.eqb_refl. unfold s4, f, val, run_value. fold pg.
      destruct (r_kept _ _ _ _ R w Wv Rest) as (K1 & K2 & K3).
      apply (load_protected_live w ct flags s3 (vcpu (P t) w) (mem (D t) pg) (ctx (D t) w)); rewrite ?C3; auto.
      - intros i Hi. rewrite Wc by (unfold W_GP in Hi; lia). apply (r_ctx _ _ _ _ R w i Wv Rest). left. exact Hi.
      - apply (r_vcpu_power _ _ _ _ R w Wv).
      - apply (r_vcpu_pending _ _ _ _ R w Wv).
      - apply (r_vcpu_esr _ _ _ _ R w Wv).
      - intros E. unfold run_check in Rc. rewrite Pr in Rc. cbn [negb] in Rc. destruct (_ =? POWER_OFF); [discriminate|].
        unfold ensure in Rc. rewrite B in Rc. cbn [orb] in Rc. rewrite E in Rc. destruct (enter_allowed _ _ _) eqn:Ea; [|discriminate].
        apply (enter_allowed_zero _ _ Ea).
      - intros i Hi. rewrite (r_vcpu_page _ _ _ _ R w Wv). fold pg. rewrite <- M1 by (unfold State.W_FLAGS; lia). rewrite <- Pw by lia.
        unfold words_of.
        destruct (_ =? POWER_BOOT); [|reflexivity]. unfold booted. rewrite (put_words_other _ W_GP);
          [reflexivity|apply boot_writes_bound|].
        intros o O. rewrite Ek. apply page_apart; auto; unfold W_GP in *; lia. }
    assert (A4 : aside s4 (mkst P2 D2) w).
    { assert (Ce : forall n i, String.eqb n "vcpu_pending" || String.eqb n "vcpu_power" = false -> cell s4 n i = cell s n i).
      { intros n i X. apply orb_false_iff in X as [X1 X2]. rewrite L1. unfold taken_cells. destruct (cell s3 "vcpu_power" w =? POWER_BOOT);
          rewrite !cell_setcell, ?X1, ?X2, C3; reflexivity. }
      assert (Cx : forall k, W_GP <= k -> ctx D2 w k = ctx (D t) w k).
      { intros i Hi. unfold D2. cbn [ctx set_ctx]. unfold upd. rewrite Z.eqb_refl. unfold f, entered.
        assert (X : inside i 0 W_GP = false) by (unfold inside; apply andb_false_iff; right; apply Z.ltb_ge; lia).
        rewrite writes_outside by exact X. destruct (_ =? POWER_BOOT); [apply writes_outside, X|reflexivity]. }
      destruct (r_kept _ _ _ _ R w Wv Rest) as (K1 & K2 & K3). constructor; cbn [P D].
      - intros i Hi. rewrite Ce by reflexivity. fold ct. rewrite Cx by (unfold W_FP, W_GP in *; lia). unfold s4.
        rewrite load_protected_other by (rewrite ?C3; auto; intros; unfold W_FP, W_GP in *; lia).
        rewrite Wc by (unfold W_FP, N_FP in Hi; lia). apply (r_ctx _ _ _ _ R w i Wv Rest). right. exact Hi.
      - intros v Ew Rd. rewrite Ce, Cx by (reflexivity || (unfold W_CNTVOFF, W_GP; lia)). rewrite Ew in *. apply (r_cntvoff _ _ _ _ R); auto.
        unfold is_vcpu, is_handle, KCORE_NR_VCPUS, KCORE_NR_VMS, KCORE_VM_VCPUS in *. lia.
      - rewrite !Ce by reflexivity. rewrite !Cx by (unfold W_KEPT, W_GP; lia). auto. }
    assert (Tn : protected (P (mkst P2 D2)) (vm_of w) = negb (type =? KCORE_VM_NORMAL)).
    { replace (protected (P (mkst P2 D2)) (vm_of w)) with true by (symmetry; exact Pr). unfold type, KCORE_VM_PROTECTED, KCORE_VM_NORMAL in *.
      pose proof (r_kind _ _ _ _ R _ Hv). destruct (Z.eqb_spec (v_type (vm (P t) (vm_of w))) 1), (Z.eqb_spec (v_type (vm (P t) (vm_of w))) 0);
        auto; try discriminate; lia. }
    assert (Tw : true || negb aarch32 = protected (P (mkst P2 D2)) (vm_of w) || negb aarch32) by (f_equal; symmetry; exact Pr).
    destruct (entered_related c s4 (mkst P2 D2) w pg ct type (true || negb aarch32) (mem (D t) pg)) as (s' & E & H' & Rf & Gf); auto.
    + intros j Hj. cbn [D]. unfold D2, D1. cbn [mem set_ctx set_mem]. unfold upd. rewrite Z.eqb_refl. symmetry. apply M1, Hj.
    + unfold P2, P1. cbn [P]. peel. unfold upd. rewrite Z.eqb_refl. symmetry. exact Eu.
    + rewrite L1. unfold taken_cells. destruct (cell s3 "vcpu_power" w =? POWER_BOOT);
      cbn [cell setcell String.eqb Ascii.eqb Bool.eqb andb]; rewrite C3; reflexivity.
    + rewrite L2. exact H3.
    + assert (Hr : host_run c w t = mkst P2 (set_io (upd (io (D t)) w (io_loaded (true || negb aarch32) (mem (D t) pg) (io (D t) w))) D2)).
      { unfold host_run, vcpu_run. rewrite (proj2 (Z.ltb_ge w 0) W), (proj2 (Z.leb_gt _ _) Wb). cbn [orb]. rewrite Eu, Z.eqb_refl.
        fold flags.
        rewrite Rc, Pr. reflexivity. }
      rewrite Hr. exists 0, s'. split; [exact E|]. split; [exact H'|]. split; [exact Rf|exact Gf].
  - specialize (Gn eq_refl). fold ct in Gn. set (s4 := load_el1 ct s3).
    assert (R4 : Q c s4 (mkst P1 D1)).
    { apply (keep_regs fixed c s3); auto; [other_regs|exact (r_vgic _ _ _ _ R3)]. }
    assert (Tn : protected (P (mkst P1 D1)) (vm_of w) = negb (type =? KCORE_VM_NORMAL)).
    { replace (protected (P (mkst P1 D1)) (vm_of w)) with false by (symmetry; exact Pr). unfold type, KCORE_VM_PROTECTED, KCORE_VM_NORMAL in *.
      pose proof (r_kind _ _ _ _ R _ Hv). destruct (Z.eqb_spec (v_type (vm (P t) (vm_of w))) 1), (Z.eqb_spec (v_type (vm (P t) (vm_of w))) 0);
        auto; try discriminate; lia. }
    assert (Tw : false || negb aarch32 = protected (P (mkst P1 D1)) (vm_of w) || negb aarch32) by (f_equal; symmetry; exact Pr).
    destruct (entered_related c s4 (mkst P1 D1) w pg ct type (false || negb aarch32) (mem (D t) pg)) as (s' & E & H' & Rf & Gf); auto.
    + intros j Hj. cbn [D]. unfold D1. cbn [mem set_mem]. unfold upd. rewrite Z.eqb_refl. symmetry. apply M1, Hj.
    + unfold P1. cbn [P]. peel. unfold upd. rewrite Z.eqb_refl. symmetry. exact Eu.
    + unfold P1. cbn [P]. peel. unfold upd. now rewrite Z.eqb_refl.
    + change (cell s4 "vcpu_context" w) with (cell s3 "vcpu_context" w). rewrite C3. reflexivity.
    + intros j Hj. unfold s4. rewrite live_loaded by exact Hj. unfold words_of. rewrite Gn, Pw by (unfold W_GP in Hj; lia).
      unfold greg. replace (protected (P (mkst P1 D1)) (vm_of w)) with false by (symmetry; exact Pr).
      change (c_page (vcpu (P (mkst P1 D1)) w)) with pg. unfold D1. cbn [D mem set_mem]. unfold upd. now rewrite Z.eqb_refl.
    + intros Pr'. change (protected (P t) (vm_of w) = true) in Pr'. congruence.
    + assert (Hr : host_run c w t = mkst P1 (set_io (upd (io (D t)) w (io_loaded (false || negb aarch32) (mem (D t) pg) (io (D t) w))) D1)).
      { unfold host_run, vcpu_run. rewrite (proj2 (Z.ltb_ge w 0) W), (proj2 (Z.leb_gt _ _) Wb). cbn [orb]. rewrite Eu, Z.eqb_refl.
        fold flags.
        rewrite Rc, Pr. reflexivity. }
      rewrite Hr. exists 0, s'. split; [exact E|]. split; [exact H'|]. split; [exact Rf|exact Gf].
Qed.
End Enter.
