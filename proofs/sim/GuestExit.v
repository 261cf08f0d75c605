(* SPDX-License-Identifier: GPL-2.0-only *)
(* The exit of a guest, where the host goes on: from the vector (guest_exit) to the return. *)
From KCore Require Import top.Chan.
From KCore Require Import code.Common code.Context code.Regs code.Release code.Cpu code.Run code.Frame code.RunReturn code.RunAsync
  code.GuestExit top.InvOwn top.InvStep.
From KCore Require Export sim.Exits sim.Enter sim.GuestFp.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------ what the guest leaves behind *)

Section Left.
Context {cfg : config}.

(* List register i: of one that the hardware reports as empty, what the host had put there, without its state. *)
Definition lr_left (n : nat) (page : Z) (s : state) (i : Z) : Z :=
  if Z.testbit (answer s n 0) i then Z.land (word s (page + (W_LR + i) * 8)) 4611686018427387903 else Base.reg s "lr" i.
(* Registers of AArch32, where the guest's EL1 is that; FPEXC is the guest's where its FP registers are in the CPU. *)
Definition a32_count (s : state) : nat := if narrow (Base.reg s "hcr" 0) then 7%nat else 0%nat.
Definition a32_value (page : Z) (s : state) (i : Z) : Z :=
  if i <? NR_A32 then Base.reg s "a32" i else if negb (cell s "cpu_fp" (Base.reg s "cpu_id" 0) =? 0) then Base.reg s "fpexc" 0
  else word s (page + (W_A32 + i) * 8).
(* The guest's interrupt wishes and virtual GIC as the CPU has them; n: of the machine's answers, the next one. *)
Definition io_left (n : nat) (page : Z) (s : state) : list (Z * Z) :=
  ([(W_IO, Z.land (Base.reg s "hcr" 0) RUN_BITS); (W_SRE, Z.land (Base.reg s "icc_sre" 0) 1); (W_USED, Base.reg s "lrs" 0)] ++
   map (fun i => (W_LR + i, lr_left n page s i)) (range 0 16) ++ map (fun i => (W_A32 + i, a32_value page s i)) (range 0 (a32_count s)))%list.
(* No more list registers than there can be. *)
Definition few_lrs (s : state) : Prop := gicv3 = true -> Base.reg s "lrs" 0 <= 16.
Record leaves (n : nat) (page : Z) (s : state) (x : Z -> Z) : Prop := {
  l_io : Z.land (x W_IO) KCORE_HCR_VSE = Z.land (Base.reg s "hcr" 0) KCORE_HCR_VSE;
  l_sre : x W_SRE = Z.land (Base.reg s "icc_sre" 0) 1;
  l_used : x W_USED = Base.reg s "lrs" 0;
  l_lr : forall i, 0 <= i < 16 -> x (W_LR + i) = lr_left n page s i;
  l_width : Z.land (x W_IO) KCORE_HCR_RW = Z.land (Base.reg s "hcr" 0) KCORE_HCR_RW;
  l_a32 : narrow (Base.reg s "hcr" 0) = true -> forall i, 0 <= i < N_A32 -> x (W_A32 + i) = a32_value page s i
}.

Lemma writes_map (f : Z -> Z) g m lo n base : lo <= base -> base + Z.of_nat m <= lo + n -> forall k,
  writes lo n (map (fun i => (base + i, f i)) (range 0 m)) g k = if inside k base (Z.of_nat m) then f (k - base) else g k.
Proof.
  intros L H. induction m as [|m IH]; intros k.
  - cbn. replace (inside k base 0) with false; [reflexivity|]. symmetry. unfold inside. destruct (Z.leb_spec base k), (Z.ltb_spec k (base + 0)); auto; lia.
  - unfold range in *. rewrite seq_S, map_app, map_app. cbn [map]. unfold writes in *. rewrite fold_left_app. cbn [fold_left fst snd].
    rewrite Nat2Z.inj_succ in *. replace (inside (base + (0 + Z.of_nat (0 + m))) lo n) with true.
    2: { symmetry. apply inside_spec. lia. }
    unfold upd. rewrite IH by lia. replace (base + (0 + Z.of_nat (0 + m))) with (base + Z.of_nat m) by lia.
    destruct (Z.eqb_spec k (base + Z.of_nat m)) as [->|N].
    + replace (inside _ base (Z.succ _)) with true by (symmetry; apply inside_spec; lia). f_equal. lia.
    + destruct (inside k base (Z.of_nat m)) eqn:A.
      * apply inside_spec in A. replace (inside k base (Z.succ _)) with true by (symmetry; apply inside_spec; lia). reflexivity.
      * destruct (inside k base (Z.succ (Z.of_nat m))) eqn:B; [|reflexivity]. apply inside_spec in B.
        assert (X : inside k base (Z.of_nat m) = true) by (apply inside_spec; lia). congruence.
Qed.
Lemma left_writes n page s l y : (l = [] \/ exists d, l = [(W_DISR, d)]) -> forall k, k <> W_DISR ->
  writes W_IO N_IO (io_left n page s ++ l)%list y k = if inside k W_A32 (Z.of_nat (a32_count s)) then a32_value page s (k - W_A32) else
    if inside k W_LR 16 then lr_left n page s (k - W_LR) else
    writes W_IO N_IO [(W_IO, Z.land (Base.reg s "hcr" 0) RUN_BITS); (W_SRE, Z.land (Base.reg s "icc_sre" 0) 1); (W_USED, Base.reg s "lrs" 0)] y k.
Proof.
  intros Hl k K. transitivity (writes W_IO N_IO (io_left n page s) y k).
  - destruct Hl as [->|(d & ->)]; [rewrite app_nil_r; reflexivity|]. unfold writes. rewrite fold_left_app. cbn [fold_left fst snd].
    replace (inside W_DISR W_IO N_IO) with true by reflexivity. unfold upd. rewrite (proj2 (Z.eqb_neq _ _) K). reflexivity.
  - unfold io_left. unfold writes at 1. rewrite !fold_left_app.
    assert (Z.of_nat (a32_count s) <= 7) by (unfold a32_count; destruct (narrow _); cbn; lia).
    pose proof (writes_map (a32_value page s)) as M. unfold writes in M. rewrite M by (unfold W_A32, W_IO, N_IO; lia). clear M.
    destruct (inside k W_A32 _); [reflexivity|]. apply (writes_map (lr_left n page s) _ 16 W_IO N_IO W_LR); unfold W_LR, W_IO, N_IO; lia.
Qed.
Lemma left_other n page s l y k : (l = [] \/ exists d, l = [(W_DISR, d)]) -> k = W_VMCR \/ W_AP0R <= k < W_LR ->
  writes W_IO N_IO (io_left n page s ++ l)%list y k = y k.
Proof.
  intros Hl K. rewrite left_writes by (auto; unfold W_VMCR, W_AP0R, W_LR, W_DISR in *; lia). replace (inside k W_A32 _) with false.
  2: { symmetry. unfold inside. rewrite (proj2 (Z.leb_gt W_A32 k)) by (unfold W_VMCR, W_AP0R, W_LR, W_A32 in *; lia). reflexivity. }
  replace (inside k W_LR 16) with false.
  2: { symmetry. unfold inside. rewrite (proj2 (Z.leb_gt W_LR k)) by (unfold W_VMCR, W_AP0R, W_LR in *; lia). reflexivity. }
  unfold writes. cbn [fold_left fst snd]. change (inside W_IO W_IO N_IO) with true. change (inside W_SRE W_IO N_IO) with true.
  change (inside W_USED W_IO N_IO) with true. cbv iota. unfold upd, W_IO, W_SRE, W_USED, W_VMCR, W_AP0R, W_LR in *.
  rewrite !(proj2 (Z.eqb_neq k _)) by lia. reflexivity.
Qed.
Lemma left_leaves n page s l y : (l = [] \/ exists d, l = [(W_DISR, d)]) -> leaves n page s (writes W_IO N_IO (io_left n page s ++ l)%list y).
Proof.
  intros Hl. constructor.
  - rewrite left_writes by (auto; discriminate). change (writes W_IO N_IO _ y W_IO) with (Z.land (Base.reg s "hcr" 0) RUN_BITS). change (inside W_IO W_LR 16) with false.
    change (inside W_IO W_A32 _) with false. cbv iota. rewrite <- Z.land_assoc. reflexivity.
  - rewrite left_writes by (auto; discriminate). reflexivity.
  - rewrite left_writes by (auto; discriminate). reflexivity.
  - intros i Hi. rewrite left_writes by (auto; unfold W_LR, W_DISR; lia). replace (inside (W_LR + i) W_A32 _) with false.
    2: { symmetry. unfold inside. rewrite (proj2 (Z.leb_gt W_A32 (W_LR + i))) by (unfold W_LR, W_A32 in *; lia). reflexivity. }
    replace (inside (W_LR + i) W_LR 16) with true by (symmetry; apply inside_spec; lia). f_equal. lia.
  - rewrite left_writes by (auto; discriminate). change (inside W_IO W_LR 16) with false. change (inside W_IO W_A32 _) with false. cbv iota.
    change (writes W_IO N_IO _ y W_IO) with (Z.land (Base.reg s "hcr" 0) RUN_BITS). rewrite <- Z.land_assoc. reflexivity.
  - intros N i Hi. rewrite left_writes by (auto; unfold W_A32, W_DISR; lia). unfold a32_count. rewrite N. change (Z.of_nat 7) with N_A32.
    replace (inside (W_A32 + i) W_A32 N_A32) with true by (symmetry; apply inside_spec; lia). f_equal. lia.
Qed.
End Left.

Section Exit.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* Contents that are the same, word by word. *)
Lemma same_contents c s p d d' : Q c s (mkst p d) -> (forall q o, mem d' q o = mem d q o) -> (forall w k, ctx d' w k = ctx d w k) ->
  (forall k, fpm d' c k = fpm d c k) -> (forall k, hreg d' c k = hreg d c k) -> (forall w k, io d' w k = io d w k) -> Q c s (mkst p d').
Proof.
  intros R M X F H V. destruct R. cbn [P D] in *. constructor; cbn [P D]; auto.
  - intros. rewrite M. auto.
  - intros. rewrite X. auto.
  - intros. rewrite X. auto.
  - intros. rewrite !X. auto.
  - intros. rewrite F. auto.
  - intros. rewrite H. auto.
  - intros G. specialize (r_vgic G). cbv zeta in *. cbn [P D] in *. destruct r_vgic as (V1 & V2 & V3). rewrite H. split; [exact V1|].
    split; [exact V2|]. intros N. destruct (V3 N) as [V4 V5]. rewrite V. split; [exact V4|]. intros j J. rewrite !V. apply V5, J.
Qed.

(* ------------------------------------------------------------------ the virtual GIC and the interrupt wishes to the page *)

Lemma saved_any f b n s p lo k : word (save_bank f b 0 n (p + lo * 8) s) (p + k * 8) =
  if inside k lo n then f (k - lo) (Base.reg s b (k - lo)) else word s (p + k * 8).
Proof.
  destruct (Z.le_gt_cases 0 n) as [N|N]; [apply (saved_word f b 0 n s p lo k N)|]. replace (inside k lo n) with false.
  2: { symmetry. unfold inside. destruct (Z.leb_spec lo k), (Z.ltb_spec k (lo + n)); auto; lia. }
  unfold save_bank. cbn [word setwords]. destruct (Z.leb_spec (p + lo * 8) (p + k * 8)), (Z.ltb_spec (p + k * 8) (p + lo * 8 + n * 8)); auto; lia.
Qed.
Lemma saved_outside f b n s p lo x : 0 <= lo -> lo + n <= 512 -> (forall k, 0 <= k < 512 -> x <> p + k * 8) ->
  word (save_bank f b 0 n (p + lo * 8) s) x = word s x.
Proof.
  intros L B N. destruct (Z.le_gt_cases 0 n) as [M|M]; [apply saved_other; auto|]. unfold save_bank. cbn [word setwords].
  destruct (Z.leb_spec (p + lo * 8) x), (Z.ltb_spec x (p + lo * 8 + n * 8)); auto; lia.
Qed.

(* All but words of the page, and registers that are the guest's virtual interface. *)
Definition left_regs : list string := ("el1" :: known_regs ++ vgic_regs)%list.
Record saves (pg : Z) (s s' : state) : Prop := {
  v_cell : cell s' = cell s; v_held : held s' = held s; v_s1 : Base.s1 s' = Base.s1 s; v_tab : Base.tab s' = Base.tab s;
  v_leaf : Base.leaf s' = Base.leaf s; v_table : Base.table s' = Base.table s;
  v_reg : forall n i, In n left_regs -> Base.reg s' n i = Base.reg s n i;
  v_word : forall x, (forall o, 0 <= o < 512 -> x <> pg * PAGE_BYTES + o * 8) -> word s' x = word s x
}.
Ltac kept_ := let n := fresh "n" in let i := fresh "i" in let H := fresh "H" in
  intros n i H; cbn [In left_regs known_regs vgic_regs app] in H; repeat (destruct H as [<-|H]; [reflexivity|]); destruct H.

Lemma io_words c s t w pg : Q c s t -> core pg = false -> 0 <= pg < 268435456 -> w = u_vcpu (cpu (P t) c) -> w <> NO_VCPU ->
  (gicv3 = true -> Base.reg s "lrs" 0 <= 16) -> leaves (List.length (trace s)) (pg * PAGE_BYTES) s (io (D t) w) ->
  let s0 := vse_back (pg * PAGE_BYTES) s in
  let s1 := if narrow (Base.reg s "hcr" 0) then a32_left (pg * PAGE_BYTES) (negb (cell s "cpu_fp" (Base.reg s "cpu_id" 0) =? 0)) s0 else s0 in
  exists s', (if gicv3 then p_gic_lrs_save plain [pg * PAGE_BYTES] s1 else Ok (0, s1)) = Ok (0, s') /\ saves pg s s' /\
    forall o, 0 <= o < 512 -> word s' (pg * PAGE_BYTES + o * 8) = io_saved false (mem (D t) pg) (io (D t) w) o.
Proof.
  intros R C B Ew N Lr [L1 L2 L3 L4 L5 L6] s0 s1'. set (page := pg * PAGE_BYTES) in *. set (x := io (D t) w) in *. set (m := mem (D t) pg).
  assert (Wd : forall o, 0 <= o < 512 -> word s (page + o * 8) = m o) by (intros o O; apply (page_word fixed c s t); auto).
  set (s1 := vse_back page s).
  assert (S1 : saves pg s s1 /\ trace s1 = trace s /\ answer s1 = answer s /\ Base.reg s1 = Base.reg s).
  { unfold s1, vse_back. destruct (negb (Z.land _ KCORE_HCR_VSE =? 0)); (split; [constructor; try reflexivity; intros|repeat split; reflexivity]).
    apply (put_words_other page 512); auto. repeat constructor; cbn; unfold State.W_IO; lia. }
  destruct S1 as (S1 & T1 & An1 & Rg1).
  assert (W0 : forall o, 0 <= o < 512 -> word s1 (page + o * 8) = if o =? W_IO then
      if bit_of (m W_IO) KCORE_HCR_VSE then Z.lor (Guest.clear (m W_IO) KCORE_HCR_VSE) (Z.land (x W_IO) KCORE_HCR_VSE) else m W_IO else m o).
  { intros o O. unfold s1, vse_back, bit_of. change (words_of page s State.W_IO) with (word s (page + W_IO * 8)).
    rewrite (Wd W_IO) by (unfold W_IO; lia). destruct (negb (Z.land (m W_IO) KCORE_HCR_VSE =? 0)).
    - rewrite (put_words_at page 512) by (auto; repeat constructor; cbn; unfold State.W_IO; lia). unfold writes. cbn [fold_left fst snd].
      change (inside State.W_IO 0 512) with true. cbv iota. unfold upd. change State.W_IO with W_IO. rewrite L1.
      destruct (o =? W_IO); [reflexivity|]. apply Wd, O.
    - destruct (Z.eqb_spec o W_IO) as [->|]; apply Wd; auto. }
  (* registers of AArch32 *)
  assert (Nx : negb (bit_of (x W_IO) KCORE_HCR_RW) = narrow (Base.reg s "hcr" 0)) by (unfold bit_of, narrow; rewrite L5, negb_involutive; reflexivity).
  assert (X1 : saves pg s s1' /\ trace s1' = trace s /\ answer s1' = answer s /\ Base.reg s1' = Base.reg s /\
    forall o, 0 <= o < 512 -> word s1' (page + o * 8) =
      if inside o W_A32 N_A32 && narrow (Base.reg s "hcr" 0) then x o else word s1 (page + o * 8)).
  { unfold s1', s0. fold page. fold s1. destruct (narrow (Base.reg s "hcr" 0)) eqn:Nr.
    2: { do 4 (split; [assumption|]). intros o O. rewrite andb_false_r. reflexivity. }
    specialize (L6 eq_refl). unfold a32_left. change (page + CTX_A32) with (page + W_A32 * 8). change (page + CTX_FPEXC) with (page + W_FPEXC * 8).
    change (Base.reg (save_bank ?f ?b ?i ?n ?a s1)) with (Base.reg s1). rewrite Rg1. set (sb := save_bank _ _ _ _ _ s1).
    set (fp := negb (cell s "cpu_fp" (Base.reg s "cpu_id" 0) =? 0)) in *.
    assert (Wb : forall k, 0 <= k < 512 -> word sb (page + k * 8) = if inside k W_A32 NR_A32 then Base.reg s "a32" (k - W_A32) else word s1 (page + k * 8)).
    { intros k K. unfold sb. rewrite saved_any. rewrite Rg1. reflexivity. }
    assert (Wo : forall y, (forall o, 0 <= o < 512 -> y <> page + o * 8) -> word sb y = word s1 y).
    { intros y Hy. unfold sb. apply saved_outside; auto; unfold W_A32, NR_A32; lia. }
    assert (Vx : forall o, inside o W_A32 N_A32 = true -> x o = a32_value page s (o - W_A32)).
    { intros o Ho. apply inside_spec in Ho. rewrite <- L6 by lia. f_equal. lia. }
    split; [|do 3 (split; [destruct fp; assumption|])].
    - destruct S1 as [S2 S3 S4 S5 S6 S7 S8 S9]. destruct fp; constructor; try assumption; intros y Hy; rewrite <- (S9 y Hy), <- (Wo y Hy); [|reflexivity].
      rewrite word_setword, (proj2 (Z.eqb_neq _ _)); [reflexivity|]. apply Hy. unfold W_FPEXC. lia.
    - intros o O. rewrite andb_true_r. destruct (inside o W_A32 N_A32) eqn:In_.
      + rewrite (Vx o In_). apply inside_spec in In_. unfold a32_value. fold fp. destruct (Z.ltb_spec (o - W_A32) NR_A32) as [Lt|Ge].
        * assert (In2 : inside o W_A32 NR_A32 = true) by (apply inside_spec; lia).
          destruct fp; [rewrite word_setword, (proj2 (Z.eqb_neq _ _)) by (unfold W_FPEXC, W_A32, NR_A32 in *; lia)|]; rewrite Wb, In2 by exact O; reflexivity.
        * assert (o = W_FPEXC) as -> by (unfold W_FPEXC, W_A32, N_A32, NR_A32 in *; lia). destruct fp; [rewrite word_setword, Z.eqb_refl; reflexivity|].
          rewrite Wb by exact O. change (inside W_FPEXC W_A32 NR_A32) with false. cbv iota. rewrite W0, Wd by exact O. reflexivity.
      + assert (In2 : inside o W_A32 NR_A32 = false).
        { destruct (inside o W_A32 NR_A32) eqn:E; [|reflexivity]. apply inside_spec in E. assert (Y : inside o W_A32 N_A32 = true)
            by (apply inside_spec; unfold N_A32, NR_A32 in *; lia). congruence. }
        destruct fp; [rewrite word_setword, (proj2 (Z.eqb_neq _ _))|]; rewrite ?Wb, ?In2 by exact O; try reflexivity.
        intros E. assert (Eo : o = W_FPEXC) by lia. rewrite Eo in In_. discriminate In_. }
  destruct X1 as (Y1 & Y2 & Y3 & Y4 & Y5).
  assert (W1 : forall o, 0 <= o < 512 -> word s1' (page + o * 8) = if o =? W_IO then
      if bit_of (m W_IO) KCORE_HCR_VSE then Z.lor (Guest.clear (m W_IO) KCORE_HCR_VSE) (Z.land (x W_IO) KCORE_HCR_VSE) else m W_IO else
      if inside o W_A32 N_A32 && negb (bit_of (x W_IO) KCORE_HCR_RW) then x o else m o).
  { intros o O. rewrite (Y5 o O), (W0 o O), Nx. destruct (Z.eqb_spec o W_IO) as [->|]; reflexivity. }
  clear Y5 W0 L5 L6 Nx. clearbody s1'. clear s1 S1 T1 An1 Rg1 s0. rename s1' into s1, Y1 into S1, Y2 into T1, Y3 into An1, Y4 into Rg1.
  destruct gicv3 eqn:Gc.
  - specialize (Lr eq_refl). destruct (r_vgic _ _ _ _ R Gc) as (_ & _ & V). rewrite <- Ew in V. destruct (V N) as (V1 & _). clear V.
    fold x in V1. unfold p_gic_lrs_save.
    replace (context_ok plain s1 page) with true.
    2: { symmetry. rewrite <- (ctx_context _ _ (page_area fixed I c s t pg R B C)). unfold context_ok, plain, aligned, in_roots, Map.page.
         destruct S1 as [-> _ _ _ _ -> _ _]. reflexivity. }
    eexists. split; [reflexivity|]. rewrite T1, An1, Rg1, Z.min_l by lia. rewrite !vgic_at.
    change (W_HCR + 1) with W_VMCR. change (W_HCR + 12) with W_LR. set (used := Base.reg s "lrs" 0) in *.
    set (f := fun i v : Z => _). set (a := record "gic_lrs_save" [page] s1).
    set (b := if used =? 0 then a else _).
    assert (Sb : saves pg s b).
    { destruct S1 as [S1 S2 S3 S4 S5 S6 S7 S8]. unfold b. destruct (used =? 0); constructor; try assumption.
      - intros n i Hn. transitivity (Base.reg s1 n i); [revert n i Hn; kept_|apply S7, Hn].
      - intros y Hy. transitivity (word s1 y); [|apply S8, Hy]. cbn [word fill_bank setregs setreg]. rewrite saved_outside; auto; unfold W_LR; lia. }
    assert (Wb : forall o, 0 <= o < 512 -> word b (page + o * 8) = if inside o W_LR used then x o else word s1 (page + o * 8)).
    { intros o O. unfold b. destruct (Z.eqb_spec used 0) as [->|U0].
      - replace (inside o W_LR 0) with false; [reflexivity|]. symmetry. unfold inside. destruct (Z.leb_spec W_LR o), (Z.ltb_spec o (W_LR + 0)); auto; lia.
      - cbn [word fill_bank setregs setreg]. rewrite saved_any. destruct (inside o W_LR used) eqn:In_; [|reflexivity]. apply inside_spec in In_.
        replace o with (W_LR + (o - W_LR)) at 3 by lia. rewrite L4 by lia. unfold f, lr_left. change (Base.reg a) with (Base.reg s1). rewrite Rg1.
        replace (page + W_LR * 8 + (o - W_LR) * 8) with (page + (W_LR + (o - W_LR)) * 8) by lia. rewrite W1, Wd by (unfold W_LR in *; lia).
        rewrite (proj2 (Z.eqb_neq _ W_IO)) by (unfold W_LR, W_IO in *; lia). replace (inside (W_LR + (o - W_LR)) W_A32 N_A32) with false; [reflexivity|].
        symmetry. unfold inside. rewrite (proj2 (Z.leb_gt W_A32 _)) by (unfold W_LR, W_A32 in *; lia). reflexivity. }
    clearbody b. clear f a. split.
    + destruct Sb as [S2 S3 S4 S5 S6 S7 S8 S9]. destruct (Z.land _ 1 =? 0); [|constructor; assumption]. constructor; try assumption.
      * intros n i Hn. transitivity (Base.reg b n i); [revert n i Hn; kept_|apply S8, Hn].
      * intros y Hy. transitivity (word b y); [|apply S9, Hy]. cbn [word setreg setregs]. rewrite word_setword. rewrite (proj2 (Z.eqb_neq _ _)); [reflexivity|].
        apply Hy. unfold W_VMCR. lia.
    + intros o O. unfold io_saved. rewrite Gc, andb_false_r, L2, L3. fold used. rewrite Z.min_l by lia. cbn [andb].
      assert (X : word (if Z.land (Base.reg s "icc_sre" 0) 1 =? 0 then setreg "icc_sre" 0 1 (setword (page + W_VMCR * 8)
        (Base.reg s "ich_vmcr" 0) b) else b) (page + o * 8) = if (o =? W_VMCR) && (Z.land (Base.reg s "icc_sre" 0) 1 =? 0) then x W_VMCR else
        if inside o W_LR used then x o else word s1 (page + o * 8)).
      { destruct (Z.land (Base.reg s "icc_sre" 0) 1 =? 0); [|rewrite andb_false_r; apply Wb, O]. rewrite andb_true_r.
        cbn [word setreg setregs]. rewrite word_setword. destruct (Z.eqb_spec o W_VMCR) as [->|Nv]; [rewrite Z.eqb_refl; exact V1|].
        rewrite (proj2 (Z.eqb_neq _ _)) by lia. apply Wb, O. }
      rewrite X, W1 by exact O. clear X. destruct (Z.eqb_spec o W_IO) as [->|Ni].
      * change (W_IO =? W_VMCR) with false. cbn [andb]. replace (inside W_IO W_LR used) with false; [reflexivity|].
        symmetry. unfold inside. change (W_LR <=? W_IO) with false. reflexivity.
      * destruct (inside o W_A32 N_A32) eqn:Ia; cbn [andb].
        -- apply inside_spec in Ia. rewrite (proj2 (Z.eqb_neq o W_VMCR)) by (unfold W_VMCR, W_A32 in *; lia).
           replace (inside o W_LR used) with false; [cbn [andb orb]; destruct (negb _); reflexivity|].
           symmetry. unfold inside. apply andb_false_iff. right. apply Z.ltb_ge. unfold W_LR, W_A32 in *. lia.
        -- destruct (Z.eqb_spec o W_VMCR) as [->|Nv]; cbn [andb orb].
           ++ destruct (Z.land _ 1 =? 0); cbn [orb]; [reflexivity|]. destruct (inside _ _ _); reflexivity.
           ++ destruct (inside _ _ _); reflexivity.
  - exists s1. split; [reflexivity|]. split; [exact S1|]. intros o O. rewrite W1 by exact O. unfold io_saved. rewrite Gc, andb_false_r. cbn [andb].
    destruct (Z.eqb_spec o W_IO) as [->|]; [reflexivity|]. destruct (_ && _); reflexivity.
Qed.

(* ------------------------------------------------------------------ the host goes on *)

(* The vCPU's registers are in its context again. *)
Lemma stopped_related c s t w : Q c s t -> inv (P t) -> w = u_vcpu (cpu (P t) c) -> w <> NO_VCPU ->
  (protected (P t) (vm_of w) = true -> aside s t w /\ forall k, 0 <= k < W_GP -> word s (cell s "vcpu_context" w + k * 8) = ctx (D t) w k) ->
  Q c s (mkst (change_cpu c (cpu_with_run false) (P t)) (D t)).
Proof.
  intros R J Ew N A. set (p := change_cpu _ _ _).
  assert (Ar : forall x, at_rest p x -> x = w /\ protected (P t) (vm_of w) = true \/ at_rest (P t) x).
  { intros x (X & Y & Z0). destruct (Z.eq_dec x w) as [->|Nx]; [left; split; [reflexivity|exact Y]|right]. split; [exact X|].
    split; [exact Y|]. intros L. specialize (Z0 L). revert Z0. unfold p. peel. unfold upd.
    destruct (Z.eqb_spec (c_cpu (vcpu (P t) x)) c) as [Ec|]; [|auto]. intros _. exfalso. destruct (i_loaded _ J x L) as [_ E].
    rewrite Ec in E. congruence. }
  pose proof R as R'. destruct R'. constructor; cbn [P D]; try assumption; try match goal with H : _ |- _ => exact H end.
  - intros d Dc. rewrite r_cpu_vcpu by exact Dc. unfold p. cbn [P]. peel. unfold upd. destruct (Z.eqb_spec d c) as [->|]; reflexivity.
  - intros d Dc. cbn [P]. unfold p. peel. unfold upd. rewrite <- (r_cpu_fp d Dc). destruct (Z.eqb_spec d c) as [->|]; reflexivity.
  - apply (pool_same fixed s s (P t) p); auto using Z.le_refl.
  - intros x k W X K. destruct (Ar x X) as [[-> Pr]|X']; [|apply r_ctx; auto]. destruct (A Pr) as [A1 A2]. cbn [D].
    destruct K as [K|K]; [apply A2, K|apply (a_fp _ _ _ A1), K].
  - intros v V Rd X. destruct (Ar _ X) as [[E Pr]|X']; [|apply r_cntvoff; auto]. destruct (A Pr) as [A1 A2]. cbn [D]. rewrite E.
    apply (a_cntvoff _ _ _ A1); auto.
  - intros x W X. destruct (Ar x X) as [[-> Pr]|X']; [|apply r_kept; auto]. destruct (A Pr) as [A1 A2]. apply (a_kept _ _ _ A1).
  - intros G. specialize (r_vgic G). unfold vgic_fine in *. cbv zeta in *. cbn [P D] in *. replace (u_vcpu (cpu p c)) with (u_vcpu (cpu (P t) c)).
    2: { unfold p. peel. unfold upd. rewrite Z.eqb_refl. reflexivity. }
    exact r_vgic.
Qed.

(* The guest leaves the registers. *)
Lemma host_back_related c s t w code : Q c s t -> inv (P t) -> running c s t w -> few_lrs s ->
  leaves (List.length (trace s)) (cell s "vcpu_page" w) s (io (D t) w) ->
  exists s', s_host_return [c; w; code] s = Ok (0, s') /\ held s' = held s /\
    Q c s' (mkst (change_cpu c (cpu_with_run false) (P t))
      (do_effects [IoSave w (c_page (vcpu (P t) w)) false; HostX c 0 code] (D t))).
Proof.
  intros R J Rn Lr Lv. destruct (running_here fixed c s t w Rn R J) as (Wv & Ex & _ & N). destruct (r_cpu_id _ _ _ _ R) as [Ec C].
  destruct Rn as [[U Ew] G As]. destruct (i_cpu _ J c) as [Ld _]; [congruence|]. rewrite Ew in Ld. symmetry in Ew.
  destruct (vcpu_areas fixed I c s t w R J Wv Ex) as (Mm & _ & Gn).
  pose proof (vcpu_page_host fixed c s t w R J Ex) as Cg. pose proof (vcpu_page_below fixed I c s t w R J Ex) as Lp.
  unfold s_host_return. rewrite Mm, (host_area fixed I c s t R), (roots_fine fixed I c s t HOST R) by (unfold is_handle, HOST, KCORE_NR_VMS; lia).
  replace (cpu_ok c) with true by (symmetry; unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia). cbn [andb].
  unfold host_back. rewrite (r_vcpu_page _ _ _ _ R w Wv) in *. rewrite (r_fixed _ _ _ _ R "has_gicv3") by (cbn; tauto). rewrite <- (n_gic _ I).
  set (pg := c_page (vcpu (P t) w)) in *. set (ct := cell s "vcpu_context" w) in *. cbv zeta.
  pose proof (io_words c s t w pg R Cg Lp Ew N Lr Lv) as Iw. cbv zeta in Iw. rewrite Ec in Iw. destruct Iw as (s2 & -> & [V1 V2 V3 V4 V5 V6 V7 V8] & Wd). cbn [bind].
  set (m := io_saved false (mem (D t) pg) (io (D t) w)) in *. set (d2 := set_mem (upd (mem (D t)) pg m) (D t)).
  assert (R2 : Q c s2 (mkst (P t) d2)).
  { assert (Ru : Q c (setwords (word s2) s) (mkst (P t) d2)) by (apply (keep_page fixed I c s _ t pg m R Cg); [constructor; reflexivity|exact V8|exact Wd]).
    apply (keep_regs fixed c _ s2 _ Ru); auto.
    - intros n i Hn. apply V7. right. apply in_or_app. left. exact Hn.
    - intros Gc. destruct (r_vgic _ _ _ _ Ru Gc) as (A1 & A2 & A3). cbv zeta. cbn [P D] in *. rewrite !V7 by (cbn; tauto). split; [exact A1|].
      split; [exact A2|]. intros Nn. destruct (A3 Nn) as [A4 A5]. split; [exact A4|]. intros j Hj. rewrite !V7 by (cbn; tauto). apply A5, Hj. }
  (* its EL1 registers go to its context *)
  set (s3 := save_el1 ct s2).
  assert (Wr : forall k, word s3 (ct + k * 8) = if inside k 34 24 then Base.reg s "el1" (k - 34) else word s2 (ct + k * 8)).
  { intros k. unfold s3, save_el1. change (ct + CTX_SYS) with (ct + 34 * 8). change KCORE_NR_SYSREGS with 24. rewrite saved_any.
    destruct (inside k 34 24); [|reflexivity]. unfold whole. apply V7. left. reflexivity. }
  assert (Wo : forall x, (forall o, 0 <= o < 512 -> x <> ct + o * 8) -> word s3 x = word s2 x).
  { intros x Hx. unfold s3, save_el1. change (ct + CTX_SYS) with (ct + 34 * 8). apply saved_outside; auto; unfold KCORE_NR_SYSREGS; lia. }
  assert (Lw : forall k, 0 <= k < W_GP -> greg t w k = if inside k 34 24 then Base.reg s "el1" (k - 34) else word s (ct + k * 8)).
  { intros k K. rewrite <- (G k K). unfold Context.live, Context.is_el1, inside, Context.words_of. reflexivity. }
  assert (C3 : cell s3 = cell s) by exact V1.
  assert (R3 : Q c s3 (mkst (P t) d2) /\ (protected (P t) (vm_of w) = true -> aside s3 (mkst (P t) d2) w /\
    forall k, 0 <= k < W_GP -> word s3 (cell s3 "vcpu_context" w + k * 8) = ctx d2 w k)).
  { destruct (protected (P t) (vm_of w)) eqn:Pr.
    - assert (Hc : has_context (P t) w) by (split; [exact Wv|]; split; [exact Ex|exact Pr]).
      destruct (context_at fixed c s t w R Hc) as (i & Hi & Ek). fold ct in Ek.
      assert (Wc : forall o, 0 <= o < 512 -> word s2 (ct + o * 8) = word s (ct + o * 8)).
      { intros o O. apply V8. intros j Hj X. rewrite Ek in X. symmetry in X. revert X. apply page_apart; auto. }
      split; [|intros _; rewrite C3; fold ct; split].
      + apply (keep_running fixed I c s2 s3 (mkst (P t) d2) w d2 R2); auto.
        * intros (_ & _ & X). cbn [P] in X. destruct (i_cpu _ J c) as [_ Cc]; [congruence|]. rewrite <- Ew in Cc. rewrite Ld, Cc, U in X.
          specialize (X eq_refl). discriminate.
        * rewrite V1. exact Wo.
        * exact (r_vgic _ _ _ _ R2).
      + apply (aside_same s s3 t); auto.
        * intros k K. fold ct. rewrite Wr. replace (inside k 34 24) with false; [apply Wc; unfold W_FP, N_FP in K; lia|].
          symmetry. unfold inside. apply andb_false_iff. right. apply Z.ltb_ge. unfold W_FP in K. lia.
        * intros n j _. rewrite C3. reflexivity.
      + intros k K. rewrite Wr. specialize (Lw k K). unfold greg in Lw. rewrite Pr in Lw. change (ctx d2 w k) with (ctx (D t) w k). rewrite Lw.
        destruct (inside k 34 24); [reflexivity|]. apply Wc. unfold W_GP in K. lia.
    - split; [|discriminate]. specialize (Gn eq_refl). change (ct = pg * PAGE_BYTES) in Gn.
      assert (Rp : Q c s3 (mkst (P t) (set_mem (upd (mem d2) pg m) d2))).
      { apply (keep_page fixed I c s2 s3 (mkst (P t) d2) pg m R2 Cg); [constructor; reflexivity|rewrite <- Gn; exact Wo|].
        intros o O. rewrite <- Gn, Wr. destruct (inside o 34 24) eqn:In_; [|rewrite Gn; apply Wd, O].
        pose proof In_ as In'. apply inside_spec in In'. specialize (Lw o ltac:(unfold W_GP; lia)). rewrite In_ in Lw. rewrite <- Lw.
        unfold greg. rewrite Pr. fold pg. unfold m, io_saved. rewrite andb_false_r, (proj2 (Z.eqb_neq o W_IO)) by (unfold W_IO; lia).
        replace (inside o W_A32 N_A32) with false by (symmetry; unfold inside; rewrite (proj2 (Z.leb_gt W_A32 o)) by (unfold W_A32; lia); reflexivity).
        rewrite (proj2 (Z.eqb_neq o W_VMCR)) by (unfold W_VMCR; lia). cbn [andb orb].
        replace (inside o W_LR _) with false; [rewrite andb_false_r; reflexivity|]. symmetry. unfold inside.
        rewrite (proj2 (Z.leb_gt W_LR o)) by (unfold W_LR; lia). reflexivity. }
      apply (same_contents c _ _ _ d2 Rp); auto. intros q o. unfold d2. cbn [mem set_mem]. unfold upd. destruct (q =? pg); reflexivity. }
  destruct R3 as [R3 A3]. apply (stopped_related c s3 (mkst (P t) d2) w) in R3; auto. cbn [P D] in R3.
  (* and the host's come *)
  set (p := change_cpu _ _ _) in *. set (s4 := setreg "vttbr" 0 _ _). set (s5 := load_el1 _ s4).
  set (s6 := if negb (cell s "has_profiling" 0 =? 0) then _ else s5).
  assert (F6 : cell s6 = cell s3 /\ word s6 = word s3 /\ held s6 = held s /\ Base.s1 s6 = Base.s1 s3 /\ Base.tab s6 = Base.tab s3 /\
    Base.leaf s6 = Base.leaf s3 /\ Base.table s6 = Base.table s3 /\
    (forall n i, In n (known_regs ++ vgic_regs)%list -> Base.reg s6 n i = Base.reg s3 n i)).
  { unfold s6. destruct (negb (cell s "has_profiling" 0 =? 0)); (do 7 (split; [first [reflexivity|exact V2]|]));
      intros n i Hn; cbn [In known_regs vgic_regs app] in Hn;
      repeat (destruct Hn as [<-|Hn]; [reflexivity|]); destruct Hn. }
  destruct F6 as (F1 & F2 & F3 & F4 & F5 & F6 & F7 & F8). clearbody s6.
  assert (R6 : Q c s6 (mkst p d2)).
  { apply (keep_regs fixed c s3 s6 _ R3); auto.
    - intros n i Hn. apply F8, in_or_app. left. exact Hn.
    - intros Gc. destruct (r_vgic _ _ _ _ R3 Gc) as (A1 & A2 & A4). cbv zeta. rewrite !F8 by (cbn; tauto). split; [exact A1|].
      split; [exact A2|]. intros Nn. destruct (A4 Nn) as [A5 A6]. split; [exact A5|]. intros j Hj. rewrite !F8 by (cbn; tauto). apply A6, Hj. }
  eexists. split; [reflexivity|]. split; [exact F3|].
  pose proof (keep_x fixed c 0 code s6 (mkst p d2) R6 ltac:(lia)) as R7. cbn [P D] in R7.
  apply (keep_regs fixed c (setreg "host_x" 0 code s6)); auto; [other_regs|exact (r_vgic _ _ _ _ R7)].
Qed.

(* ------------------------------------------------------------------ what the guest did to its virtual interface *)

Lemma running_same c s s' t t' w : running c s t w -> (forall i, Base.reg s' "el1" i = Base.reg s "el1" i) ->
  cell s' "vcpu_context" w = cell s "vcpu_context" w ->
  (forall k, 0 <= k < W_GP -> word s' (cell s "vcpu_context" w + k * 8) = word s (cell s "vcpu_context" w + k * 8)) ->
  (forall k, 0 <= k < W_GP -> greg t' w k = greg t w k) -> cpu (P t') c = cpu (P t) c ->
  (protected (P t') (vm_of w) = true -> protected (P t) (vm_of w) = true /\ (aside s t w -> aside s' t' w)) -> running c s' t' w.
Proof.
  intros [U G A] E1 E3 W Gr Cp X. constructor; rewrite ?Cp; auto.
  - intros k Hk. rewrite Gr, <- (G k Hk) by exact Hk. unfold Context.live, Context.words_of. rewrite E3. destruct (Context.is_el1 k); auto.
  - intros Pr. destruct (X Pr) as [Pr' Y]. apply Y, A, Pr'.
Qed.

(* The guest, or the machine for it, changes the registers of its virtual interface: words of [io] by these writes. *)
Lemma io_step c w l t : Forall (fun p => W_GP <= fst p) l -> let u := guest_step c w (OIo (fun _ => l)) t in
  P u = P t /\ (forall q o, mem (D u) q o = mem (D t) q o) /\ (forall x k, ctx (D u) x k = ctx (D t) x k) /\ fpm (D u) = fpm (D t) /\
  hreg (D u) = hreg (D t) /\ io (D u) = upd (io (D t)) w (writes W_IO N_IO l (io (D t) w)).
Proof.
  intros Low u. assert (Nw : forall f k, writes 0 W_GP l f k = f k).
  { unfold writes. clear - Low. induction Low as [|[j v] l' B F IH]; intros f k; [reflexivity|]. cbn [fold_left fst snd] in *. rewrite IH.
    replace (inside j 0 W_GP) with false; [reflexivity|]. symmetry. unfold inside. apply andb_false_iff. right. apply Z.ltb_ge. lia. }
  unfold u. cbn [guest_step]. unfold write_greg, set_greg, with_data, greg. destruct (protected (P t) (vm_of w)) eqn:Pr;
    cbn [P D mem ctx fpm hreg io set_mem set_ctx set_io]; refine (conj _ (conj _ (conj _ (conj _ (conj _ _))))); try reflexivity.
  - intros x k. unfold upd. destruct (Z.eqb_spec x w) as [->|]; [apply Nw|reflexivity].
  - intros q o. unfold upd. destruct (Z.eqb_spec q (c_page (vcpu (P t) w))) as [->|]; [apply Nw|reflexivity].
Qed.
Lemma io_kept c s s' t w l : Forall (fun p => W_GP <= fst p) l -> Q c s t -> running c s t w -> cell s' = cell s -> word s' = word s ->
  (forall n i, In n ("el1" :: known_regs)%list -> Base.reg s' n i = Base.reg s n i) -> Base.s1 s' = Base.s1 s -> Base.tab s' = Base.tab s ->
  Base.leaf s' = Base.leaf s -> Base.table s' = Base.table s ->
  vgic_fine c s' (mkst (P t) (set_io (upd (io (D t)) w (writes W_IO N_IO l (io (D t) w))) (D t))) ->
  let u := guest_step c w (OIo (fun _ => l)) t in Q c s' u /\ running c s' u w.
Proof.
  intros Low R Rn Ec Ew Er T1 T2 T3 T4 V u. destruct (io_step c w l t Low) as (E1 & E2 & E3 & E4 & E5 & E6). fold u in E1, E2, E3, E4, E5, E6.
  assert (Ru : Q c s' (mkst (P u) (D u))).
  { rewrite E1. apply (same_contents c s' (P t) (set_io (io (D u)) (D t))); auto; cbn [fpm hreg set_io]; try congruence. rewrite E6.
    apply (keep_gic fixed c s s' t); auto. intros n i N. apply Er. right. exact N. }
  split; [destruct u; exact Ru|]. apply (running_same c s s' t u w Rn).
  - intros i. apply Er. left. reflexivity.
  - rewrite Ec. reflexivity.
  - intros k K. rewrite Ew. reflexivity.
  - intros k K. unfold greg. rewrite E1. destruct (protected (P t) (vm_of w)); [apply E3|apply E2].
  - rewrite E1. reflexivity.
  - rewrite E1. intros Pr. split; [exact Pr|]. intros A. apply (aside_same s s' t u); auto; intros; rewrite ?Ew, ?Ec, ?E1; auto.
Qed.

Lemma io_related c s t w n l : let page := cell s "vcpu_page" w in let u := guest_step c w (OIo (fun _ => (io_left n page s ++ l)%list)) t in
  (l = [] \/ exists d, l = [(W_DISR, d)]) -> Q c s t -> running c s t w ->
  P u = P t /\ Q c s u /\ running c s u w /\ leaves n page s (io (D u) w) /\ (forall d, l = [(W_DISR, d)] -> io (D u) w W_DISR = d).
Proof.
  intros page u Hl R Rn. set (ll := (io_left n page s ++ l)%list) in *.
  assert (Low : Forall (fun p => W_GP <= fst p) ll).
  { apply Forall_app. split; [|destruct Hl as [->|(d & ->)]; repeat constructor; cbn; unfold W_GP, W_DISR; lia].
    unfold io_left. apply Forall_app. split; [repeat constructor; cbn [fst]; unfold W_GP, W_IO, W_SRE, W_USED; lia|].
    apply Forall_app. split; apply Forall_forall; intros q Hq; apply in_map_iff in Hq as (i & <- & Hi); apply range_in in Hi; cbn [fst];
      unfold W_GP, W_LR, W_A32; lia. }
  destruct (io_step c w ll t Low) as (E1 & _ & _ & _ & _ & E6). fold u in E1, E6. split; [exact E1|].
  assert (Ex : io (D u) w = writes W_IO N_IO ll (io (D t) w)) by (rewrite E6; unfold upd; rewrite Z.eqb_refl; reflexivity).
  assert (Sm : forall k, k = W_VMCR \/ W_AP0R <= k < W_LR -> writes W_IO N_IO ll (io (D t) w) k = io (D t) w k) by (intros k K; apply left_other; auto).
  destruct (io_kept c s s t w ll Low R Rn) as [Ru Rw]; auto.
  { intros Gc. destruct (r_vgic _ _ _ _ R Gc) as (A1 & A2 & A3). destruct (i_runs _ _ _ _ Rn) as [_ Uw].
    cbv zeta in *. cbn [P D io hreg set_io]. rewrite Uw in *. split; [exact A1|]. split; [exact A2|]. intros Nn. destruct (A3 Nn) as [A4 A5].
    unfold upd. rewrite Z.eqb_refl. split; [rewrite Sm by auto; exact A4|]. intros j Hj. pose proof nr_aprs_range.
    rewrite !Sm by (right; unfold W_AP0R, W_AP1R, W_LR; lia). apply A5, Hj. }
  split; [exact Ru|]. split; [exact Rw|]. split.
  - rewrite Ex. apply left_leaves, Hl.
  - intros d ->. rewrite Ex. unfold ll, writes. rewrite fold_left_app. reflexivity.
Qed.

(* ------------------------------------------------------------------ interrupts and SErrors *)

(* The syndrome of an SError that the guest has deferred is read. *)
Definition reads_disr (kind : Z) (s : state) : bool := (kind =? 2) && negb (cell s "has_ras" 0 =? 0).
Definition left_asynchronous (c kind : Z) (s : state) : list (Z * Z) :=
  let n := List.length (trace s) in let page := cell s "vcpu_page" (cell s "cpu_vcpu" c) in
  if reads_disr kind s then (io_left (S n) page s ++ [(W_DISR, answer s n 0 mod 2 ^ 64)])%list else (io_left n page s ++ [])%list.

Theorem asynchronous_code c s t w kind : Q c s t -> held s = false -> inv (P t) -> running c s t w -> u_call (cpu (P t) c) = CNone -> few_lrs s ->
  kind = 1 \/ kind = 2 ->
  exists s' t', link L1 above "guest_exit" [kind] s = Ok (0, s') /\ held s' = false /\ Q c s' t' /\
    run [G c (OIo (fun _ => left_asynchronous c kind s)); HIrq c kind] t = Ok t' /\ idle (P t') c = true.
Proof.
  intros R H J Rn Ca Few K. destruct (running_here fixed c s t w Rn R J) as (Wv & Ex & Cv & N).
  destruct (r_cpu_id _ _ _ _ R) as [Ec C]. destruct (i_runs _ _ _ _ Rn) as [U Uw].
  destruct (vcpu_areas fixed I c s t w R J Wv Ex) as (Mm & _ & Gn). pose proof (type_protected (P t) w J Ex) as Tp.
  pose proof (vcpu_page_host fixed c s t w R J Ex) as Cg. pose proof (vcpu_page_below fixed I c s t w R J Ex) as Lp.
  pose proof (r_vcpu_page _ _ _ _ R w Wv) as Pg.
  set (pg := c_page (vcpu (P t) w)) in *.
  (* the top machine *)
  set (nd := if reads_disr kind s then S (List.length (trace s)) else List.length (trace s)).
  set (ld := if reads_disr kind s then [(W_DISR, answer s (List.length (trace s)) 0 mod 2 ^ 64)] else []).
  assert (El : left_asynchronous c kind s = (io_left nd (cell s "vcpu_page" w) s ++ ld)%list).
  { unfold left_asynchronous, nd, ld. cbv zeta. rewrite Cv. destruct (reads_disr kind s); reflexivity. }
  rewrite El. destruct (io_related c s t w nd ld) as (Pu & Ru & Rnu & Lv & Ld').
  { unfold ld. destruct (reads_disr kind s); [right; eexists; reflexivity|left; reflexivity]. }
  { exact R. } { exact Rn. }
  set (u := guest_step c w _ t) in *. cbn [run step]. rewrite U, Uw, (proj2 (Z.eqb_neq _ _) N). fold u. rewrite Pu, U, Uw, (proj2 (Z.eqb_neq _ _) N).
  set (x := io (D u) w) in *.
  (* the code *)
  set (id := if kind =? 1 then KCORE_STAT_exit_irq else KCORE_STAT_exit_serror).
  set (code := if kind =? 1 then KCORE_EXIT_IRQ else KCORE_EXIT_SERROR).
  set (s1 := stat_add c id s). set (P1 := add_stat c id (P t)).
  assert (R1 : Q c s1 (mkst P1 (D u))).
  { pose proof (keep_stat fixed c c id s u Ru C) as X. rewrite Pu in X.
    apply X. unfold id, KCORE_NR_STATS. destruct (kind =? 1); vm_compute; split; discriminate || reflexivity. }
  set (s2 := pending_none w (cell s "vm_type" (vm_of w)) s1).
  set (P2 := if protected (P t) (vm_of w) then change_vcpu w (vcpu_with_pending PENDING_NONE 0) P1 else P1).
  assert (R2 : Q c s2 (mkst P2 (D u))).
  { unfold s2, pending_none, P2. rewrite (r_vm_type _ _ _ _ R _ (vm_handle w Wv)), <- Tp. destruct (protected (P t) (vm_of w)); [|exact R1].
    apply (forgotten_related fixed c s1 _ w R1 Wv). }
  set (page := pg * PAGE_BYTES) in *. set (s4 := serror_shown kind page (setword (page + CTX_EXIT_ESR) 0 s2)).
  assert (A2 : trace s2 = trace s /\ answer s2 = answer s /\ Base.reg s2 = Base.reg s /\ word s2 = word s /\ held s2 = false /\
    (forall n i, String.eqb n "cpu_stat" || String.eqb n "vcpu_pending" = false -> cell s2 n i = cell s n i)).
  { unfold s2, pending_none. destruct (cell s "vm_type" (vm_of w) =? KCORE_VM_PROTECTED); (do 5 (split; [first [reflexivity|exact H]|])); intros n i X; apply orb_false_iff in X as [X1 X2];
      unfold s1, stat_add, bump; rewrite ?cell_setcell, ?X1, ?X2; reflexivity. }
  destruct A2 as (T2 & An2 & Rg2 & W2 & H2 & C2).
  set (m4 := fun o => if reads_disr kind s && (o =? W_DISR) then x W_DISR else if o =? W_EXIT then 0 else mem (D u) pg o).
  assert (Dd : reads_disr kind s = true -> x W_DISR = answer s (List.length (trace s)) 0 mod 2 ^ 64).
  { intros E. apply Ld'. unfold ld. rewrite E. reflexivity. }
  assert (Rd : (kind =? 2) && negb (cell (setword (page + CTX_EXIT_ESR) 0 s2) "has_ras" 0 =? 0) = reads_disr kind s).
  { change (cell (setword ?a ?b s2)) with (cell s2). rewrite C2 by reflexivity. reflexivity. }
  assert (A4 : cell s4 = cell s2 /\ Base.reg s4 = Base.reg s2 /\ held s4 = false /\ answer s4 = answer s /\ List.length (trace s4) = nd /\
    Base.s1 s4 = Base.s1 s2 /\ Base.tab s4 = Base.tab s2 /\ Base.leaf s4 = Base.leaf s2 /\ Base.table s4 = Base.table s2 /\
    forall a, word s4 a = if reads_disr kind s && (a =? page + W_DISR * 8) then x W_DISR else if a =? page + W_EXIT * 8 then 0 else word s a).
  { unfold s4, serror_shown, nd. rewrite Rd. destruct (reads_disr kind s) eqn:E; cbn [andb];
      (do 9 (split; [first [reflexivity|assumption|cbn [trace setwords setword record List.length]; rewrite T2; reflexivity]|])); intros a.
    - rewrite Dd by reflexivity. cbn [trace answer setwords setword record List.length]. rewrite T2, An2, word_setword.
      change (page + CTX_EXIT_DISR) with (page + W_DISR * 8). destruct (a =? page + W_DISR * 8); [reflexivity|].
      change (word (record ?f ?l ?y)) with (word y). rewrite word_setword, W2. reflexivity.
    - rewrite word_setword, W2. reflexivity. }
  destruct A4 as (C4 & Rg4 & H4 & An4 & Tr4 & F1 & F2 & F3 & F4 & W4).
  assert (R4 : Q c s4 (mkst P2 (set_mem (upd (mem (D u)) pg m4) (D u)))).
  { apply (keep_page fixed I c s2 s4 (mkst P2 (D u)) pg m4 R2 Cg).
    - constructor; assumption.
    - intros a Ha. rewrite W4, W2. rewrite !(proj2 (Z.eqb_neq a _)) by (apply Ha; unfold W_DISR, W_EXIT; lia). rewrite andb_false_r. reflexivity.
    - intros o O. rewrite W4. unfold m4. fold page.
      replace (page + o * 8 =? page + W_DISR * 8) with (o =? W_DISR)
        by (destruct (Z.eqb_spec o W_DISR), (Z.eqb_spec (page + o * 8) (page + W_DISR * 8)); auto; lia).
      replace (page + o * 8 =? page + W_EXIT * 8) with (o =? W_EXIT)
        by (destruct (Z.eqb_spec o W_EXIT), (Z.eqb_spec (page + o * 8) (page + W_EXIT * 8)); auto; lia).
      destruct (reads_disr kind s && (o =? W_DISR)); [reflexivity|]. destruct (o =? W_EXIT); [reflexivity|]. unfold page. apply (page_word fixed c s u); auto. }
  set (d4 := set_mem _ _) in *.
  assert (V2 : v_type (vm P2 (vm_of w)) = v_type (vm (P t) (vm_of w)) /\ (forall v, vm P2 v = vm (P t) v) /\ cpu P2 = cpu (P t) /\
    c_page (vcpu P2 w) = pg /\ inv P2).
  { unfold P2. destruct (protected (P t) (vm_of w)); (split; [reflexivity|]); (split; [reflexivity|]); (split; [reflexivity|]); (split;
      [first [reflexivity | peel; unfold upd; rewrite Z.eqb_refl; reflexivity]|]); repeat first [exact J | apply inv_stat | apply vcpu_minor; auto]. }
  destruct V2 as (_ & Vm & Vc & Vp & J2).
  assert (Lw : forall k, 0 <= k < W_GP -> word s4 (cell s "vcpu_context" w + k * 8) = word s (cell s "vcpu_context" w + k * 8)).
  { intros k Hk. rewrite W4. assert (X : forall j, j = W_DISR \/ j = W_EXIT -> cell s "vcpu_context" w + k * 8 <> page + j * 8).
    { intros j Hj. destruct (protected (P t) (vm_of w)) eqn:Pr.
      - destruct (context_at fixed c s t w R) as (i & Hi & E); [split; [exact Wv|]; split; [exact Ex|exact Pr]|]. rewrite E. intros Y.
        symmetry in Y. revert Y. apply page_apart; auto; unfold W_DISR, W_EXIT, W_GP in *; lia.
      - rewrite (Gn eq_refl). fold pg page. unfold W_DISR, W_EXIT, W_GP in *. lia. }
    rewrite !(proj2 (Z.eqb_neq _ _)) by auto. rewrite andb_false_r. reflexivity. }
  assert (Rn4 : running c s4 (mkst P2 d4) w).
  { apply (running_same c s s4 u (mkst P2 d4) w Rnu); cbn [P D].
    - intros i. rewrite Rg4, Rg2. reflexivity.
    - rewrite C4, C2 by reflexivity. reflexivity.
    - exact Lw.
    - intros k Hk. unfold greg. cbn [P D]. rewrite Pu. unfold protected. rewrite Vm, Vp. fold (protected (P t) (vm_of w)). fold pg.
      destruct (protected (P t) (vm_of w)); [reflexivity|]. unfold d4. cbn [mem set_mem]. unfold upd. rewrite Z.eqb_refl. unfold m4.
      unfold W_GP in Hk. rewrite (proj2 (Z.eqb_neq k W_DISR)), (proj2 (Z.eqb_neq k W_EXIT)) by (unfold W_DISR, W_EXIT; lia). rewrite andb_false_r.
      reflexivity.
    - rewrite Vc, Pu. reflexivity.
    - rewrite Pu. unfold protected. rewrite Vm. intros Pr. split; [exact Pr|]. fold (protected (P t) (vm_of w)) in Pr. intros A.
      destruct (context_at fixed c s t w R) as (i & Hi & E); [split; [exact Wv|]; split; [exact Ex|exact Pr]|].
      apply (aside_same s s4 u); auto.
      + intros k Hk. rewrite W4. assert (X : forall j, j = W_DISR \/ j = W_EXIT -> cell s "vcpu_context" w + k * 8 <> page + j * 8).
        { intros j Hj. rewrite E. intros Y. symmetry in Y. revert Y. apply page_apart; auto; unfold W_DISR, W_EXIT, W_FP, N_FP in *; lia. }
        rewrite !(proj2 (Z.eqb_neq _ _)) by auto. rewrite andb_false_r. reflexivity.
      + intros n j Hn. rewrite C4, C2; [reflexivity|]. cbn in Hn. repeat (destruct Hn as [<-|Hn]; [reflexivity|]). destruct Hn.
      + intros v. cbn [P]. rewrite Vm, Pu. reflexivity. }
  destruct (host_back_related c s4 (mkst P2 d4) w code R4 J2 Rn4) as (s' & E & H' & R').
  { intros Gc. rewrite Rg4, Rg2. apply Few, Gc. }
  { cbn [D io d4 set_mem]. rewrite Tr4. replace (cell s4 "vcpu_page" w) with (cell s "vcpu_page" w) by (rewrite C4, C2; reflexivity).
    destruct Lv as [B1 B2 B3 B4 B5 B6]. constructor; rewrite ?Rg4, ?Rg2; auto.
    2: { intros Nr i Hi. fold x. rewrite (B6 Nr i Hi). unfold a32_value. rewrite Rg4, Rg2, C4, C2, W4, Pg by reflexivity.
         rewrite !(proj2 (Z.eqb_neq _ (page + _))) by (unfold W_A32, W_DISR, W_EXIT; lia). rewrite andb_false_r. reflexivity. }
    intros i Hi. fold x. rewrite (B4 i Hi). unfold lr_left.
    rewrite An4, Rg4, Rg2, W4, Pg. rewrite !(proj2 (Z.eqb_neq _ (page + _))) by (unfold W_LR, W_DISR, W_EXIT; lia). rewrite andb_false_r.
    reflexivity. }
  cbn [P D] in R'. rewrite Vp in R'. exists s'. eexists.
  split; [|split; [congruence|split; [|split; [reflexivity|]]]].
  - apply (does_ok _ _ _ _ _ does_guest_exit). unfold s_guest_exit. rewrite Ec. cbv zeta. rewrite Cv, (proj2 (Z.eqb_neq _ _) N), Mm.
    rewrite (proj2 (Z.eqb_neq kind 0)) by lia. unfold s_exit_asynchronous. rewrite Mm.
    replace (cpu_ok c) with true by (symmetry; unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia). cbn [andb].
    unfold exit_asynchronous. change (w / KCORE_VM_VCPUS) with (vm_of w). rewrite Pg. cbv zeta. fold id s1. fold s2. fold s4. fold code.
    rewrite E. reflexivity.
  - assert (Ep : asynchronous c kind (P t) = change_cpu c (cpu_with_run false) P2).
    { unfold asynchronous, P2, P1. rewrite Uw. fold id. destruct (protected (P t) (vm_of w)); reflexivity. }
    rewrite Ep. unfold asynchronous_effect. rewrite Uw. fold pg code. cbv zeta.
    apply (same_contents c s' _ _ _ R'); cbn [do_effects fold_left do_effect mem ctx fpm hreg io set_mem set_hreg d4]; auto.
    intros q o. unfold upd. destruct (Z.eqb_spec q pg) as [->|]; [|reflexivity]. rewrite !Z.eqb_refl. fold x.
    assert (Ek : (kind =? 2) && ras = reads_disr kind s).
    { unfold reads_disr. rewrite (n_ras _ I), (r_fixed _ _ _ _ R) by (cbn; tauto). reflexivity. }
    rewrite Ek. unfold io_saved, m4, writes. cbn [fold_left fst snd]. change (inside W_EXIT 0 512) with true. cbv iota. unfold upd.
    destruct (Z.eqb_spec o W_IO) as [->|No].
    { change (W_IO =? W_DISR) with false. change (W_IO =? W_EXIT) with false. rewrite andb_false_r. reflexivity. }
    rewrite andb_false_r. destruct (Z.eqb_spec o W_DISR) as [->|Nd]; cbn [andb].
    + rewrite andb_true_r. change (W_DISR =? W_EXIT) with false. change (W_DISR =? W_VMCR) with false. cbn [andb orb].
      unfold inside. change (W_LR <=? W_DISR) with false. change (W_A32 <=? W_DISR) with false. cbn [andb].
      rewrite andb_false_r. destruct (reads_disr kind s); reflexivity.
    + rewrite andb_false_r. reflexivity.
  - unfold idle, asynchronous. cbn [P]. peel. unfold upd. rewrite Z.eqb_refl. cbn [cpu_with_run u_run u_call negb andb].
    rewrite Uw. destruct (protected (P t) (vm_of w)); cbn [change_vcpu set_vcpu cpu]; rewrite Ca; reflexivity.
Qed.
End Exit.
