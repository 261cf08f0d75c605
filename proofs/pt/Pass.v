(* SPDX-License-Identifier: GPL-2.0-only *)
(* Primitives that pass through from words to maps: cells, registers, and memory outside of tables. *)
From KCore Require Export pt.State.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* ------------------------------------------------------------- what passes through *)

(* A primitive that neither reads nor writes words or maps. *)
Lemma sim_stuck p : sim_prim R p no_meaning.
Proof. intros args s t HR. exact I. Qed.

Ltac args_of args := repeat (let a := fresh "a" in destruct args as [|a args]; try exact I).
Ltac same_fields HR :=
  let Ec := fresh "Ec" in let Er := fresh "Er" in let Eh := fresh "Eh" in let Et := fresh "Et" in let Ea := fresh "Ea" in
  pose proof HR as ((Ec & Er & Eh & Et & Ea) & _); rewrite ?Ec, ?Er, ?Eh, ?Et, ?Ea.
Ltac give := eexists; split; [reflexivity|]; split; [reflexivity|]; cbn [snd].

Lemma get_sim n len : (forall s t, R s t -> len s = len t) -> sim_prim R (get n len) (get n len).
Proof.
  intros HL args s t HR. unfold get. destruct args as [|i [|]]; try exact I. rewrite (HL _ _ HR). same_fields HR.
  destruct (_ && _); [|exact I]. give. exact HR.
Qed.
Lemma set_sim_cell n w len : (forall s t, R s t -> len s = len t) -> n <> "root_base" -> sim_prim R (set n w len) (set n w len).
Proof.
  intros HL N args s t HR. unfold set. destruct args as [|i [|v [|]]]; try exact I. rewrite (HL _ _ HR). same_fields HR.
  destruct (_ && _); [|exact I]. give. apply R_cell; auto.
Qed.
Lemma get0_sim n : sim_prim R (get0 n) (get0 n).
Proof. intros args s t HR. unfold get0. destruct args; try exact I. same_fields HR. give. exact HR. Qed.
Lemma set0_sim n : n <> "root_base" -> sim_prim R (set0 n) (set0 n).
Proof.
  intros N args s t HR. unfold set0. destruct args as [|v [|]]; try exact I. same_fields HR.
  destruct (held t); [|exact I]. give. apply R_cell; auto.
Qed.
Lemma nr_pages_R s t : R s t -> nr_pages s = nr_pages t.
Proof. intros HR. unfold nr_pages. same_fields HR. reflexivity. Qed.

Lemma acquire_sim : sim_prim R p_lock_acquire p_lock_acquire.
Proof.
  intros args s t HR. unfold p_lock_acquire. destruct args; try exact I. same_fields HR. destruct (negb _); [|exact I]. give. apply R_hold, HR.
Qed.
Lemma release_sim : sim_prim R p_lock_release p_lock_release.
Proof.
  intros args s t HR. unfold p_lock_release. destruct args; try exact I. same_fields HR. destruct (held t); [|exact I]. give. apply R_hold, HR.
Qed.
Lemma halt_sim : sim_prim R p_halt p_halt.
Proof. intros args s t HR. reflexivity. Qed.

Lemma read_sim b i : sim_prim R (p_read b i) (p_read b i).
Proof. intros args s t HR. unfold p_read. destruct args; try exact I. same_fields HR. give. exact HR. Qed.
Lemma write_sim b i : sim_prim R (p_write b i) (p_write b i).
Proof. intros args s t HR. unfold p_write. destruct args as [|v [|]]; try exact I. give. apply R_setreg, HR. Qed.
Lemma host_x_sim : sim_prim R p_host_x p_host_x.
Proof.
  intros args s t HR. unfold p_host_x. destruct args as [|n [|]]; try exact I. same_fields HR. destruct (_ && _); [|exact I]. give. exact HR.
Qed.
Lemma host_x_set_sim : sim_prim R p_host_x_set p_host_x_set.
Proof.
  intros args s t HR. unfold p_host_x_set. destruct args as [|n [|v [|]]]; try exact I. destruct (_ && _); [|exact I]. give. apply R_setreg, HR.
Qed.
Lemma guest_select_sim : sim_prim R p_guest_select p_guest_select.
Proof. intros args s t HR. unfold p_guest_select. destruct args as [|c [|]]; try exact I. give. apply R_setreg, R_setreg, HR. Qed.
Lemma host_select_sim : sim_prim R p_host_select p_host_select.
Proof. intros args s t HR. unfold p_host_select. destruct args; try exact I. give. apply R_setreg, HR. Qed.
Lemma fp_clear_sim : sim_prim R p_fp_clear p_fp_clear.
Proof.
  intros args s t HR. unfold p_fp_clear, fill_bank. destruct args; try exact I. give. apply R_regs; [exact HR|].
  intros c j. same_fields HR. reflexivity.
Qed.
Lemma do_sim f : sim_prim R (p_do f) (p_do f).
Proof. intros args s t HR. unfold p_do. give. apply R_record, HR. Qed.
Lemma ask_sim f : sim_prim R (p_ask f) (p_ask f).
Proof. intros args s t HR. unfold p_ask. same_fields HR. give. apply R_record, HR. Qed.
Lemma smc_sim : sim_prim R p_smc_forward p_smc_forward.
Proof.
  intros args s t HR. unfold p_smc_forward. destruct args; try exact I. pose proof HR as ((_ & Er & _ & Et & Ea) & _).
  rewrite Et, (map_ext _ _ (Er "host_x")). give. apply R_regs; [apply R_record, HR|]. intros c j. rewrite Ea, Er. reflexivity.
Qed.

(* --------------------------------------------------------- memory outside of tables *)

Lemma plain_aligned t a : plain t a = true -> aligned t a = true.
Proof. unfold plain. intros H. props. assumption. Qed.
Lemma aligned_any s t a : aligned s a = aligned t a.
Proof. reflexivity. Qed.

Lemma zero_R k pa s t : R s t -> (forall i, 0 <= i < Z.of_nat k -> plain t (pa + i * 8) = true) -> R (zero k pa s) (zero k pa t).
Proof.
  intros HR. induction k as [|k IH]; intros H; [exact HR|]. cbn [zero]. apply R_setword; [apply IH; intros; apply H; lia|].
  rewrite zero_plain. apply H. lia.
Qed.
Lemma page_zero_sim : sim_prim R (p_page_zero aligned) (p_page_zero plain).
Proof.
  intros args s t HR. unfold p_page_zero. destruct args as [|a [|]]; try exact I. same_fields HR.
  destruct (every (fun i => plain t (a + i * 8)) (count 512) && held t) eqn:P; [|exact I]. props.
  assert (A : forall i, 0 <= i < Z.of_nat (count 512) -> plain t (a + i * 8) = true)
    by (intros i Hi; apply (every_at (fun i => plain t (a + i * 8)) (count 512)); assumption).
  rewrite (every_all (fun i => aligned s (a + i * 8))) by (intros i Hi; apply (plain_aligned t), A, Hi).
  match goal with X : held t = true |- _ => rewrite X end. give. apply zero_R; [exact HR|exact A].
Qed.
Lemma page_load_sim : sim_prim R (p_page_load aligned) (p_page_load plain).
Proof.
  intros args s t HR. unfold p_page_load. destruct args as [|a [|o [|]]]; try exact I.
  destruct (plain t (a + o)) eqn:P; [|exact I]. rewrite (aligned_any s t), (plain_aligned t _) by auto.
  rewrite (R_plain _ _ _ HR P). give. exact HR.
Qed.
Lemma page_store_sim : sim_prim R (p_page_store aligned) (p_page_store plain).
Proof.
  intros args s t HR. unfold p_page_store. destruct args as [|a [|o [|v [|]]]]; try exact I.
  destruct (plain t (a + o)) eqn:P; [|exact I]. rewrite (aligned_any s t), (plain_aligned t _) by auto. give. apply R_setword; auto.
Qed.

(* All words of a context are outside of tables when its first one is. *)
Lemma context_plain own t w pa o : maps_ok own t w -> context_ok plain t pa = true -> 0 <= o < CONTEXT_BYTES -> o mod 8 = 0 ->
  plain t (pa + o) = true.
Proof.
  intros W C Ho O8. unfold context_ok, CONTEXT_BYTES in *. apply andb_true_iff in C as [M P]. apply Z.eqb_eq in M. unfold plain in *.
  apply andb_true_iff in P as [P T]. apply andb_true_iff in P as [A I]. destruct (r_root _ _ _ W) as (_ & RM & _).
  apply Z.div_exact in M; [|lia]. set (k := pa / 2048) in *.
  assert (EP : page (pa + o) = page pa).
  { unfold page. change (2 ^ 12) with 4096. rewrite M. pose proof (Z.div_mod k 2 ltac:(lia)). pose proof (Z.mod_pos_bound k 2 ltac:(lia)).
    transitivity (k / 2); [symmetry; apply Z.div_unique with (2048 * (k mod 2) + o)|apply Z.div_unique with (2048 * (k mod 2))]; lia. }
  rewrite EP, T, andb_true_r. apply andb_true_iff. split.
  - unfold aligned in *. apply Z.eqb_eq. apply Z.eqb_eq in A. rewrite Z.add_mod, A, O8 by lia. reflexivity.
  - rewrite <- I. f_equal. unfold in_roots. apply eq_true_iff_eq. rewrite !andb_true_iff, !Z.leb_le, !Z.ltb_lt.
    apply Z.div_exact in RM; [|lia]. rewrite M. lia.
Qed.

Lemma context_word s t pa o : R s t -> context_ok plain t pa = true -> 0 <= o < CONTEXT_BYTES -> o mod 8 = 0 ->
  word s (pa + o) = word t (pa + o).
Proof. intros HR C Ho O8. apply (R_plain _ _ _ HR). destruct HR as (_ & _ & own & W). eapply context_plain; eauto. Qed.

Lemma context_aligned s t pa : context_ok plain t pa = true -> context_ok aligned s pa = true.
Proof. unfold context_ok. intros H. props. apply andb_true_iff. split; [apply Z.eqb_eq; assumption|]. apply (plain_aligned t). assumption. Qed.

Lemma o8 o k : o mod 8 = 0 -> (o + k * 8) mod 8 = 0.
Proof. intros H. rewrite Z_mod_plus_full. exact H. Qed.

Lemma load_bank_R f b i n pa o s t : R s t -> context_ok plain t pa = true -> 0 <= o -> o mod 8 = 0 -> o + n * 8 <= CONTEXT_BYTES ->
  R (load_bank f b i n (pa + o) s) (load_bank f b i n (pa + o) t).
Proof.
  intros HR C Ho O8 Hn. unfold load_bank. apply R_regs; [exact HR|]. intros c j. pose proof HR as ((_ & Er & _) & _). rewrite Er.
  destruct (String.eqb c b && (i <=? j) && (j <? i + n)) eqn:Q; [|reflexivity]. props. f_equal.
  rewrite <- Z.add_assoc. apply context_word; auto; [lia|]. apply o8, O8.
Qed.

Lemma save_bank_R f g b i n pa o s t : R s t -> context_ok plain t pa = true -> 0 <= o -> o mod 8 = 0 -> o + n * 8 <= CONTEXT_BYTES ->
  (forall k v, 0 <= k < n -> f k v = g k v) -> R (save_bank f b i n (pa + o) s) (save_bank g b i n (pa + o) t).
Proof.
  intros HR C Ho O8 Hn Hf. pose proof HR as ((_ & Er & _) & _ & own & W). unfold save_bank. apply (R_words none); [exact HR| |].
  - intros a P. destruct ((pa + o <=? a) && (a <? pa + o + n * 8) && ((a - (pa + o)) mod 8 =? 0)) eqn:Q; [|eapply R_plain; eauto].
    rewrite Er. apply Hf. props. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia].
  - intros l vm m N. destruct ((pa + o <=? _) && _ && _) eqn:Q; [|reflexivity]. exfalso. props.
    eapply (addr_not_plain W l vm m (addr t l vm m) N); [|reflexivity].
    replace (addr t l vm m) with (pa + (o + (addr t l vm m - (pa + o)))) by lia. eapply context_plain; eauto; [lia|].
    rewrite Z.add_mod, O8 by lia. match goal with X : _ mod 8 = 0 |- _ => rewrite X end. reflexivity.
Qed.

Ltac of_context args :=
  let pa := fresh "pa" in let C := fresh "C" in
  destruct args as [|pa [|]]; try exact I;
  match goal with t : state |- context [context_ok plain ?t pa] =>
    destruct (context_ok plain t pa) eqn:C; [|exact I]; rewrite (context_aligned _ t pa C) end.

Lemma el1_save_sim : sim_prim R (p_el1_save aligned) (p_el1_save plain).
Proof. intros args s t HR. unfold p_el1_save. of_context args. give. apply save_bank_R; auto; try (unfold CTX_SYS, KCORE_NR_SYSREGS, CONTEXT_BYTES; lia). Qed.
Lemma el1_load_sim : sim_prim R (p_el1_load aligned) (p_el1_load plain).
Proof. intros args s t HR. unfold p_el1_load. of_context args. give. apply load_bank_R; auto; try (unfold CTX_SYS, KCORE_NR_SYSREGS, CONTEXT_BYTES; lia). Qed.
Lemma a32_save_sim : sim_prim R (p_a32_save aligned) (p_a32_save plain).
Proof. intros args s t HR. unfold p_a32_save. of_context args. give. apply save_bank_R; auto; try (unfold CTX_A32, NR_A32, CONTEXT_BYTES; lia). Qed.
Lemma a32_load_sim : sim_prim R (p_a32_load aligned) (p_a32_load plain).
Proof. intros args s t HR. unfold p_a32_load. of_context args. give. apply load_bank_R; auto; try (unfold CTX_A32, NR_A32, CONTEXT_BYTES; lia). Qed.
Lemma fp_save_sim : sim_prim R (p_fp_save aligned) (p_fp_save plain).
Proof. intros args s t HR. unfold p_fp_save. of_context args. give. apply save_bank_R; auto; try (unfold CTX_FPSR, NR_FP, CONTEXT_BYTES; lia). Qed.
Lemma fp_load_sim : sim_prim R (p_fp_load aligned) (p_fp_load plain).
Proof. intros args s t HR. unfold p_fp_load. of_context args. give. apply load_bank_R; auto; try (unfold CTX_FPSR, NR_FP, CONTEXT_BYTES; lia). Qed.

Lemma vgic_at pa i : vgic pa i = pa + (544 + i * 8).
Proof. unfold vgic, CTX_VGIC. lia. Qed.
Lemma vgic_word s t pa i : R s t -> context_ok plain t pa = true -> 0 <= i < 28 -> word s (vgic pa i) = word t (vgic pa i).
Proof. intros HR C Hi. rewrite vgic_at. apply context_word; auto; [unfold CONTEXT_BYTES; lia|]. apply (o8 544). reflexivity. Qed.
Lemma vgic_plain s t pa i : R s t -> context_ok plain t pa = true -> 0 <= i < 28 -> plain t (vgic pa i) = true.
Proof.
  intros (_ & _ & own & W) C Hi. rewrite vgic_at. eapply context_plain; eauto; [unfold CONTEXT_BYTES; lia|]. apply (o8 544). reflexivity.
Qed.
Lemma nr_apr_range t : 1 <= nr_apr t <= 4.
Proof. unfold nr_apr. cbn zeta. destruct (7 <=? _); [lia|]. destruct (6 <=? _); lia. Qed.

Lemma lrs_load_sim : sim_prim R (p_gic_lrs_load aligned) (p_gic_lrs_load plain).
Proof.
  intros args s t HR. unfold p_gic_lrs_load, lrs_used. of_context args. cbn zeta.
  rewrite !(vgic_word s t) by (auto; lia). same_fields HR.
  set (used := Z.min _ _). assert (U : used <= 32).
  { unfold used. pose proof (land_low (cell t "ich_vtr" 0) 5 31 ltac:(lia) eq_refl) as X. rewrite X.
    pose proof (Z.mod_pos_bound (cell t "ich_vtr" 0) (2 ^ 5) ltac:(lia)). change (2 ^ 5) with 32 in *. lia. }
  give. set (sa := if _ =? 0 then setreg "icc_sre" 0 0 _ else s). set (ta := if _ =? 0 then setreg "icc_sre" 0 0 _ else t).
  assert (RA : R sa ta) by (unfold sa, ta; destruct (_ =? 0); [do 2 apply R_setreg|]; exact HR).
  assert (RB : R (setreg "lrs" 0 used sa) (setreg "lrs" 0 used ta)) by (apply R_setreg, RA).
  destruct (used =? 0); [exact RB|]. rewrite vgic_at. apply load_bank_R; try (unfold CONTEXT_BYTES; lia).
  - apply R_setreg, RB.
  - unfold ta. destruct (_ =? 0); exact C.
  - reflexivity.
Qed.

Lemma lrs_save_sim : sim_prim R (p_gic_lrs_save aligned) (p_gic_lrs_save plain).
Proof.
  intros args s t HR. unfold p_gic_lrs_save. of_context args. cbn zeta. rewrite !(vgic_at pa 12). change (544 + 12 * 8) with 640. pose proof HR as ((_ & Er & _ & Et & Ea) & _).
  rewrite Et, Ea, !Er. set (used := Z.min _ _). assert (U : used <= 32) by (unfold used; lia). set (e := answer t _ 0). give.
  set (f := fun i v => if Z.testbit e i then Z.land (word s (pa + 640 + i * 8)) 4611686018427387903 else v).
  set (g := fun i v => if Z.testbit e i then Z.land (word t (pa + 640 + i * 8)) 4611686018427387903 else v).
  assert (RA : R (record "gic_lrs_save" [pa] s) (record "gic_lrs_save" [pa] t)) by (apply R_record, HR).
  assert (RB : R (if used =? 0 then record "gic_lrs_save" [pa] s else fill_bank "lr" 0 used 0 (setreg "ich_hcr" 0 0
                    (save_bank f "lr" 0 used (pa + 640) (record "gic_lrs_save" [pa] s))))
                 (if used =? 0 then record "gic_lrs_save" [pa] t else fill_bank "lr" 0 used 0 (setreg "ich_hcr" 0 0
                    (save_bank g "lr" 0 used (pa + 640) (record "gic_lrs_save" [pa] t))))).
  { destruct (used =? 0); [exact RA|]. assert (RS : R (save_bank f "lr" 0 used (pa + 640) (record "gic_lrs_save" [pa] s)) (save_bank g "lr" 0 used (pa + 640) (record "gic_lrs_save" [pa] t))).
    { apply save_bank_R; try (unfold CONTEXT_BYTES; lia); [exact RA|exact C|reflexivity|].
      intros k v Hk. unfold f, g. destruct (Z.testbit e k); [|reflexivity]. f_equal. rewrite <- Z.add_assoc.
      apply context_word; auto; [unfold CONTEXT_BYTES; lia|]. apply (o8 640). reflexivity. }
    unfold fill_bank. apply R_regs; [apply R_setreg, RS|]. intros c j.
    pose proof (R_setreg _ _ "ich_hcr" 0 0 RS) as ((_ & E & _) & _). rewrite E. reflexivity. }
  destruct (Z.land _ 1 =? 0); [|exact RB]. apply R_setreg. apply R_setword; [exact RB|].
  pose proof (vgic_plain s t pa 1 HR C ltac:(lia)) as P. destruct (used =? 0); exact P.
Qed.

Lemma state_load_sim : sim_prim R (p_gic_state_load aligned) (p_gic_state_load plain).
Proof.
  intros args s t HR. unfold p_gic_state_load. of_context args. cbn zeta. pose proof (nr_apr_range t) as A.
  assert (EN : nr_apr s = nr_apr t) by (unfold nr_apr; same_fields HR; reflexivity). rewrite EN, !(vgic_word s t) by (auto; lia). give.
  set (sa := if _ =? 0 then s else _). set (ta := if _ =? 0 then t else _).
  assert (RA : R sa ta) by (unfold sa, ta; destruct (_ =? 0); [|apply R_setreg]; exact HR).
  assert (CA : context_ok plain ta pa = true) by (unfold ta; destruct (_ =? 0); exact C).
  rewrite (vgic_at pa 8), (vgic_at pa 4). apply load_bank_R; try (unfold CONTEXT_BYTES; lia); try reflexivity; [|exact CA].
  apply load_bank_R; try (unfold CONTEXT_BYTES; lia); try reflexivity; auto.
Qed.

Lemma state_save_sim : sim_prim R (p_gic_state_save aligned) (p_gic_state_save plain).
Proof.
  intros args s t HR. unfold p_gic_state_save. of_context args. cbn zeta. pose proof (nr_apr_range t) as A.
  assert (EN : nr_apr s = nr_apr t) by (unfold nr_apr; same_fields HR; reflexivity).
  pose proof HR as ((_ & Er & _) & _). rewrite EN, Er, !(vgic_word s t) by (auto; lia). give.
  set (sa := if _ =? 0 then s else _). set (ta := if _ =? 0 then t else _).
  assert (RA : R sa ta).
  { unfold sa, ta. destruct (_ =? 0); [exact HR|]. apply R_setword; [exact HR|]. eapply vgic_plain; eauto. lia. }
  assert (CA : context_ok plain ta pa = true) by (unfold ta; destruct (_ =? 0); exact C).
  rewrite (vgic_at pa 8), (vgic_at pa 4). apply save_bank_R; try (unfold CONTEXT_BYTES; lia); try reflexivity; auto.
  apply save_bank_R; try (unfold CONTEXT_BYTES; lia); try reflexivity; auto.
Qed.
