(* SPDX-License-Identifier: GPL-2.0-only *)
(* Traps of the host that KCore notes and answers in its registers: what they keep; calls of the hyp-stub that are refused. *)
From KCore Require Import code.Common code.Log code.Stats code.Cpu code.Psci code.Host code.Trap gen.C_psci top.InvStep.
From KCore Require Export sim.HostUnknown sim.Load.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition written (l : list (Z * Z)) (f : Z -> Z) : Z -> Z := fold_left (fun h w => upd h (fst w) (snd w)) l f.
Lemma written_ext l : forall f g k, f k = g k -> written l f k = written l g k.
Proof.
  unfold written. induction l as [|[a v] l IH]; intros f g k E; cbn [fold_left]; [exact E|]. apply IH. unfold upd. cbn [fst snd].
  destruct (k =? a); auto.
Qed.
Lemma not_written l k : (forall w, In w l -> fst w <> k) -> forall f, written l f k = f k.
Proof.
  unfold written. induction l as [|[a v] l IH]; intros H f; cbn [fold_left]; [reflexivity|]. rewrite IH by (intros w W; apply H; right;
    exact W).
  unfold upd. cbn [fst snd]. specialize (H (a, v) (or_introl eq_refl)). cbn [fst] in H. destruct (Z.eqb_spec k a); congruence.
Qed.
Lemma written_app l m f : written (l ++ m) f = written m (written l f).
Proof. apply fold_left_app. Qed.

Section HostNote.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

(* Cells of the core that the top machine has not: where CPUs start, and whether they are on.  Registers that it has, but for the host's.
  *)
Definition power_cells : list string := ["cpu_power"; "cpu_entry"; "cpu_entry_x0"].
Definition other_known : list string := ["cpu_id"; "fp"; "host_context"; "host_mdcr"; "ich_vmcr"; "ap0r"; "ap1r"].
Record beside (s s' : state) : Prop := {
  b_cell : forall n i, existsb (String.eqb n) power_cells = false -> cell s' n i = cell s n i;
  b_word : word s' = word s; b_s1 : Base.s1 s' = Base.s1 s; b_tab : Base.tab s' = Base.tab s;
  b_leaf : Base.leaf s' = Base.leaf s; b_table : Base.table s' = Base.table s;
  b_reg : forall n i, In n other_known -> Base.reg s' n i = Base.reg s n i
}.
(* The state is t's with these notes, but for the host's registers. *)
Definition host_as (c : Z) (h : Z -> Z) (d : data) : data := set_hreg (upd (hreg d) c h) d.
Definition noting (c : Z) (t : st) (l : list note) (s : state) : Prop := exists h, h R_VMCR = hreg (D t) c R_VMCR /\
  Q c s (mkst (noted c l (P t)) (host_as c h (D t))).

Lemma keep_beside c s s' p d h : Q c s (mkst p d) -> beside s s' -> h R_VMCR = hreg d c R_VMCR ->
  (forall k, 0 <= k < 31 -> h k = Base.reg s' "host_x" k) -> Q c s' (mkst p (host_as c h d)).
Proof.
  intros R [Ec Ew E1 E2 E3 E4 Er] V H. pose proof (r_log _ _ _ _ R) as L. pose proof (r_vgic _ _ _ _ R) as G.
  pose proof (r_pool _ _ _ _ R) as Pl. destruct R. cbn [P D] in *. constructor; cbn [P D mem ctx fpm hreg io set_hreg host_as]; intros;
    lazymatch goal with
    | |- pool_fine _ _ _ => apply (pool_same fixed s s' p p Pl); auto using Z.le_refl; intros; rewrite ?Ew; auto
    | |- guards_fine _ _ => apply (guards_same (cell s) _ (vm p) _ r_guards); intros; auto; apply Ec; reflexivity
    | |- vgic_fine _ _ _ => intros Y; specialize (G Y); cbv zeta in *; cbn [P D io hreg set_hreg host_as] in *; rewrite !Er by (cbn;
      tauto);
        destruct G as (G1 & G2 & G3); split; [exact G1|]; split; [intros N; unfold upd; rewrite Z.eqb_refl, V; apply G2, N|];
        intros N; destruct (G3 N) as [G4 G5]; split; [exact G4|]; intros j J; rewrite !Er by (cbn; tauto); apply G5, J
    | H : nth_error _ _ = _ |- _ => repeat (rewrite Ec by reflexivity); eapply L; eauto
    | H : In ?n fixed_names |- _ => rewrite Ec; auto; cbn [power_cells existsb];
        rewrite !(not_fixed n _ H) by reflexivity; reflexivity
    | |- Base.reg _ "host_x" _ = _ => unfold upd; rewrite Z.eqb_refl; symmetry; auto
    | _ => rewrite ?Ew, ?E1, ?E2, ?E3; repeat (rewrite Ec by reflexivity); rewrite ?Er by (cbn; tauto); eauto
    end.
Qed.
Lemma host_as_again c h k d : forall x, hreg (host_as c k (host_as c h d)) c x = hreg (host_as c k d) c x.
Proof. intros x. cbn. unfold upd. rewrite Z.eqb_refl. reflexivity. Qed.
Lemma same_hreg c s p d d' : Q c s (mkst p d) -> mem d' = mem d -> ctx d' = ctx d -> fpm d' = fpm d -> io d' = io d ->
  (forall k, 0 <= k < 31 \/ k = R_VMCR -> hreg d' c k = hreg d c k) -> Q c s (mkst p d').
Proof.
  intros R M X F V H. destruct R. cbn [P D] in *. constructor; cbn [P D]; rewrite ?M, ?X, ?F; auto.
  - intros n N. rewrite H by auto. auto.
  - intros G. specialize (r_vgic G). cbv zeta in *. cbn [P D] in *. rewrite V, H by auto. exact r_vgic.
Qed.

Lemma noting_here c t s : Q c s t -> noting c t [] s.
Proof.
  intros R. exists (hreg (D t) c). split; [reflexivity|]. cbn [noted fold_right]. rewrite <- (st_eta t) in R.
  apply (same_hreg c s _ _ _ R); auto. intros k _. cbn. unfold upd. rewrite Z.eqb_refl. reflexivity.
Qed.
Lemma noting_beside c t l s s' : noting c t l s -> beside s s' -> noting c t l s'.
Proof.
  intros (h & V & R) Bs. set (k := fun n => if inside n 0 31 then Base.reg s' "host_x" n else h n).
  assert (Vk : k R_VMCR = h R_VMCR) by reflexivity.
  assert (Hk : forall n, 0 <= n < 31 -> k n = Base.reg s' "host_x" n).
  { intros n N. unfold k. replace (inside n 0 31) with true by (symmetry; apply inside_spec; lia). reflexivity. }
  exists k. split; [congruence|]. assert (Vh : k R_VMCR = hreg (host_as c h (D t)) c R_VMCR).
  { cbn. unfold upd. rewrite Z.eqb_refl. exact Vk. }
  pose proof (keep_beside c s s' _ _ k R Bs Vh Hk) as R1. apply (same_hreg c s' _ _ _ R1); auto.
  intros n _. symmetry. apply host_as_again.
Qed.
Lemma noting_stat c t l k s : noting c t l s -> is_cpu c -> 0 <= k < KCORE_NR_STATS -> noting c t (NCount k :: l) (stat_add c k s).
Proof. intros (h & V & R) C K. exists h. split; [exact V|]. apply (keep_stat fixed c c k _ _ R C K). Qed.
Lemma noting_log c t l e a b s : noting c t l s -> 0 <= e < 2 ^ 64 -> 0 <= a < 2 ^ 64 -> 0 <= b < 2 ^ 64 ->
  noting c t (NLog e a b :: l) (log_event e a b s).
Proof. intros (h & V & R) E A B. exists h. split; [exact V|]. apply (keep_log fixed c e a b _ _ R E A B). Qed.

(* It is what the top machine's action does. *)
Lemma host_x_effects c l d : hreg (do_effects (map (fun w => HostX c (fst w) (snd w)) l) d) c = written l (hreg d c) /\
  mem (do_effects (map (fun w => HostX c (fst w) (snd w)) l) d) = mem d /\ ctx (do_effects (map (fun w => HostX c (fst w) (snd w)) l) d)
    = ctx d /\
  fpm (do_effects (map (fun w => HostX c (fst w) (snd w)) l) d) = fpm d /\ io (do_effects (map (fun w => HostX c (fst w) (snd w)) l) d) =
    io d.
Proof.
  revert d. induction l as [|w l IH]; intros d; [repeat split; reflexivity|]. unfold do_effects, written in *. cbn [map fold_left].
  destruct (IH (do_effect d (HostX c (fst w) (snd w)))) as (E1 & E2 & E3 & E4 & E5). rewrite E1, E2, E3, E4, E5. cbn.
  unfold upd at 2. rewrite Z.eqb_refl. repeat split; reflexivity.
Qed.
Lemma noting_reply c t s s' r : Q c s t -> noting c t (fst r) s' -> (forall w, In w (snd r) -> 0 <= fst w < 31) ->
  (forall k, 0 <= k < 31 -> Base.reg s' "host_x" k = written (snd r) (host_word s) k) -> Q c s' (host_note c r t).
Proof.
  intros R0 (h & V & R) N W. unfold host_note. destruct (host_x_effects c (snd r) (D t)) as (E1 & E2 & E3 & E4 & E5).
  apply (same_hreg c s' _ _ _ R); auto. intros k K. rewrite E1. cbn [host_as set_hreg hreg]. unfold upd. rewrite Z.eqb_refl.
    destruct K as [K| ->].
  - transitivity (Base.reg s' "host_x" k); [|rewrite (r_hreg _ _ _ _ R k K); cbn; unfold upd; rewrite Z.eqb_refl; reflexivity].
    rewrite W by exact K. apply written_ext. symmetry. apply (r_hreg _ _ _ _ R0 k K).
  - rewrite not_written; [congruence|]. intros w X E. apply N in X. rewrite E in X. unfold R_VMCR in X. lia.
Qed.
Lemma asked c s t k : Q c s t -> In k [0; 1; 2; 3] -> host_x (D t) c k = host_word s k.
Proof. intros R K. unfold host_word. rewrite (r_hreg _ _ _ _ R) by (cbn [In] in K; lia). cbn [In] in K.
  destruct K as [<-|[<-|[<-|[<-|[]]]]]; reflexivity. Qed.

End HostNote.

Ltac beside_ := constructor; try reflexivity;
  let n := fresh "n" in let i := fresh "i" in let H := fresh "H" in intros n i H; first
  [solve [cbn [In other_known] in H; repeat (destruct H as [<-|H]; [reflexivity|]); destruct H]
  |cbn [power_cells existsb] in H; rewrite !orb_false_iff in H; destruct H as (? & ? & ? & _);
     cbn [cell setcell put64 setreg setregs record sethold forward relay];
     repeat match goal with E : String.eqb _ _ = false |- _ => rewrite E; clear E end; reflexivity].

Lemma log_event_same e a b s : Base.reg (log_event e a b s) = Base.reg s /\ answer (log_event e a b s) = answer s.
Proof. split; reflexivity. Qed.
Lemma section_log e a b s : held s = false -> section (s_log_event [e; a; b]) s = Ok (0, sethold false (log_event e a b (sethold true s))).
Proof.
  intros H. unfold section. rewrite H. cbn [negb s_log_event]. change (held (sethold true s)) with true. cbn iota. cbn [bind].
  rewrite log_event_held. reflexivity.
Qed.

(* A refused call of the hyp-stub. *)
Section Stub.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Definition stub_class (s : state) : Prop := sim.HostUnknown.hvc s /\ stub_refused (host_word s 0) = true.

Lemma stub_code c s t : Q c s t -> held s = false -> stub_class s ->
  exists s', link L1 above "host_trap" [0] s = Ok (0, s') /\ held s' = false /\ Q c s' (host_note c (stub_answer (host_x (D t) c)) t).
Proof.
  intros R H ((Pe & S) & F). destruct (r_cpu_id _ _ _ _ R) as [Ec C]. unfold stub_answer. rewrite (asked fixed c s t 0 R) by (cbn;
    tauto). rewrite F.
  unfold stub_refused in F. repeat rewrite andb_true_iff in F. destruct F as ((F1 & F2) & F3).
  apply Z.leb_le in F1. apply Z.ltb_lt in F2. apply negb_true_iff in F3.
  set (x := stat_add c KCORE_STAT_stub_refused s). assert (Hx : held x = false) by exact H. assert (Xr : Base.reg x = Base.reg s) by reflexivity.
  assert (Nx : noting fixed c t [NCount KCORE_STAT_stub_refused] x).
  { apply (noting_stat fixed c t [] KCORE_STAT_stub_refused s (noting_here fixed c t s R) C). unfold KCORE_STAT_stub_refused, KCORE_NR_STATS. lia. }
  assert (E : exists s', s_host_stub [c; host_word s 0] s = Ok (0, s') /\ held s' = false /\
    noting fixed c t [NLog LOG_STUB_REFUSED (host_word s 0) 0; NCount KCORE_STAT_stub_refused] s' /\
    forall k, Base.reg s' "host_x" k = written [(0, KCORE_STUB_ERR)] (host_word s) k).
  { cbn [s_host_stub]. replace (cpu_ok c) with true by (symmetry; unfold cpu_ok, is_cpu in *; apply andb_true_iff;
      rewrite Z.leb_le, Z.ltb_lt; lia). unfold host_stub. rewrite F3. fold x. rewrite section_log by exact Hx. cbn [bind].
    assert (Ny : noting fixed c t [NCount KCORE_STAT_stub_refused] (sethold true x)) by (eapply noting_beside; [exact Nx|beside_]).
    assert (Yr : Base.reg (sethold true x) = Base.reg s) by exact Xr.
    clearbody x. clear Hx Xr Nx. set (y := sethold true x) in *. clearbody y. clear x.
    unfold KCORE_STUB_CALLS in F2. destruct (log_event_same LOG_STUB_REFUSED (host_word s 0) 0 y) as [Lr _].
    assert (N : noting fixed c t [NLog LOG_STUB_REFUSED (host_word s 0) 0; NCount KCORE_STAT_stub_refused]
      (log_event LOG_STUB_REFUSED (host_word s 0) 0 y)) by (apply noting_log; [exact Ny|unfold LOG_STUB_REFUSED; lia|lia|lia]).
    set (z := log_event LOG_STUB_REFUSED (host_word s 0) 0 y) in *. clearbody z. eexists. split; [reflexivity|]. split; [reflexivity|].
    split; [eapply noting_beside; [exact N|beside_]|]. intros k. cbn [Base.reg setreg setregs sethold]. rewrite Lr, Yr. reflexivity. }
  destruct E as (s' & E & Hs & N & W).
  exists s'. apply (does_ok _ _ _ _ _ does_host_stub) in E. apply host_hvc_stub in E; [|exact C|lia].
  apply (does_ok _ _ _ _ _ does_host_hvc_stub) in E. apply (host_trap_run _ c s _ Ec Pe S) in E. apply (does_ok _ _ _ _ _ does_host_trap) in E.
  split; [exact E|]. split; [exact Hs|]. apply (noting_reply fixed c t s); [exact R|exact N| |].
  - intros w [<-|[]]. cbn [fst]. lia.
  - intros k _. apply W.
Qed.
End Stub.
