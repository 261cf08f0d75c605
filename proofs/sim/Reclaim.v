(* SPDX-License-Identifier: GPL-2.0-only *)
(* A page of a protected VM goes back to the host, zeroed, as in the top machine. *)
From KCore Require Import code.Common code.Calls code.Transfer top.InvOwn.
From KCore Require Export sim.Stage sim.Put.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Reclaim.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Lemma scrub_rest pa s : same_rest (scrub pa s) s.
Proof.
  unfold scrub. generalize (count 512). intros n. induction n as [|n [A B C E F G]]; [repeat split|].
  constructor; cbn [zero record cell Base.reg Base.s1 Base.tab Base.leaf Base.table setword setwords] in *; assumption.
Qed.
Lemma scrub_at p s x : word (scrub (p * PAGE_BYTES) s) x =
  if (p * PAGE_BYTES <=? x) && (x <? p * PAGE_BYTES + 4096) && ((x - p * PAGE_BYTES) mod 8 =? 0) then 0 else word s x.
Proof. unfold scrub. cbn [word record]. rewrite zero_word, count_eq. reflexivity. Qed.

Lemma keep_scrub c s t p : Q c s t -> core p = false -> Q c (scrub (p * PAGE_BYTES) s) (mkst (P t) (do_effect (D t) (Scrub p))).
Proof.
  intros R C. apply (keep_page fixed I c s _ t p (fun _ => 0)); auto using scrub_rest.
  - intros x X. rewrite scrub_at. destruct (_ && _) eqn:E; [|reflexivity]. exfalso. props.
    assert (M : (x - p * PAGE_BYTES) mod 8 = 0) by assumption. apply Z.div_exact in M; [|lia].
    apply (X ((x - p * PAGE_BYTES) / 8)); lia.
  - intros o O. rewrite scrub_at. replace (p * PAGE_BYTES + o * 8 - p * PAGE_BYTES) with (o * 8) by lia. rewrite Z_mod_mult.
    rewrite (proj2 (Z.leb_le _ _)), (proj2 (Z.ltb_lt _ _)) by lia. reflexivity.
Qed.

Lemma reclaim_sim c s t v p : Q c s t -> held s = true -> sound -> is_vm v -> v_state (vm (P t) v) <> VM_FREE -> dram p = true ->
  core p = false ->
  exists u, s_page_reclaim [v; p * PAGE_BYTES] s = Ok (0, u) /\ held u = true /\
    Q c u (mkst (Hyper.reclaim v p (P t)) (do_effects (reclaim_effect p) (D t))).
Proof.
  intros R H B V S Dp C. pose proof (fixed_of fixed c s t R) as Fx. pose proof (dram_below fixed I p Dp) as Bp.
  unfold s_page_reclaim, scrub_ok, record_ok, reclaim_effect, ensure. rewrite H, (B CheckScrub).
  rewrite (record_page fixed I s Fx) by (apply Z_mod_mult). rewrite Z.div_mul by discriminate. rewrite Dp.
  pose proof (record_range fixed I p Dp) as Rr. rewrite (regions_fine fixed I s Fx), (plain_host fixed I c s t p R C).
  assert (E : nr_pages s = fixed "nr_pages" 0) by (apply Fx; cbn; tauto). rewrite E.
  replace (true && nth_vm v && true && ((0 <=? p * PAGE_BYTES) && (p * PAGE_BYTES <? 2 ^ 52) && true) &&
    ((0 <=? record_no fixed p) && (record_no fixed p <? fixed "nr_pages" 0))) with true.
  2: { symmetry. unfold nth_vm, is_vm, KCORE_NR_VMS, PAGE_BYTES in *.
       repeat (apply andb_true_iff; split); auto; try apply Z.leb_le; try apply Z.ltb_lt; lia. }
  eexists. split; [reflexivity|]. unfold Transfer.reclaim.
  rewrite (record_page fixed I s Fx) by (apply Z_mod_mult). rewrite Z.div_mul by discriminate. rewrite Dp.
  destruct (scrub_rest (p * PAGE_BYTES) s) as [Ec _ _ _ _ _].
  assert (Hs : held (scrub (p * PAGE_BYTES) s) = true) by (unfold scrub; cbn [held record]; rewrite zero_held; exact H).
  split; [exact Hs|]. cbn [do_effects fold_left orb].
  pose proof (keep_scrub c s t p R C) as R1. set (d := do_effect (D t) (Scrub p)) in *. set (w := scrub (p * PAGE_BYTES) s) in *.
  clearbody d w. clear Ec.
  assert (Hv : is_handle v) by (unfold is_handle, is_vm in *; lia).
  destruct (rest_vm (set_owner (upd (owner (P t)) p OWNER_HOST) (P t)) v (vm_with_pages (v_pages (vm (P t) v) - 1) (vm (P t) v)) eq_refl S)
    as [Ar Hc].
  assert (Ar' : forall x, at_rest (Hyper.reclaim v p (P t)) x -> at_rest (P t) x) by (intros x X; apply Ar, X).
  assert (Hc' : forall x, has_context (Hyper.reclaim v p (P t)) x -> has_context (P t) x) by (intros x X; apply Hc, X).
  clear Ar Hc. unfold Hyper.reclaim in *. change (D t) with (D (mkst (P t) d)).
  related R1.
  exfalso. match goal with E1 : record_no _ ?q = _, N : ?q <> p |- _ => apply N, (n_apart _ I); auto end.
Qed.
End Reclaim.
