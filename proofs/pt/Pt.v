(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * m3: the C of pool.c, pte.c, walk.c and s2map.c over words of one memory implements layer L1; everything that passes
 * through is covered.
 *)
From KCore Require Import pt.Pass pt.Split gen.C_pool gen.C_pte gen.C_walk gen.C_s2map.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition m_tables : modul := (m_pool ++ m_pte ++ m_walk ++ m_s2map)%list.

(* What the modules below s2map.c do, as functions on words. *)
Definition word_specs : list (string * prim state) := (pool_specs ++ pte_specs ++ walk_specs)%list.
Definition L_words : layer state := extend L0 word_specs.

Lemma words_refine : refines eq (m_pool ++ m_pte ++ m_walk)%list L0 L_words.
Proof.
  apply module_meets. unfold word_specs, m_pool, m_pte, m_walk, pool_specs, pte_specs, walk_specs. cbn [List.app].
  module_step pool_zero_ok. module_step pool_alloc_ok. module_step pool_give_ok.
  module_step pte_is_table_ok. module_step pte_leaf_ok. module_step pte_prot_ok.
  module_step level_bytes_ok. module_step s2_root_ok. module_step s2_vttbr_ok. module_step entry_offset_ok.
  module_step s2_entry_ok. module_step s2_level_ok. module_step s2_load_ok. module_step s2_vacant_ok.
  module_step s2_table_empty_ok. exact I.
Qed.

(* ------------------------------------------------------------------------- linking *)

Lemma sim_over (L L' : layer state) d q : sim_prim R (run L d) q -> Forall (fun f => L f = L' f) (calls (fn_body d)) -> sim_prim R (run L' d) q.
Proof.
  intros H HL args s t HR. specialize (H args s t HR). unfold run in *. rewrite <- (exec_agree L L') by exact HL. exact H.
Qed.

Definition L_low : layer state := link L_words m_s2map.

Ltac through H := apply (sim_over L_s2); [exact H|agree].
Lemma low_prepare : sim_prim R (L_low "s2_prepare") h_s2_prepare.
Proof. through prepare_sim. Qed.
Lemma low_set : sim_prim R (L_low "s2_set") h_s2_set.
Proof. through set_sim. Qed.
Lemma low_clear : sim_prim R (L_low "s2_clear") h_s2_clear.
Proof. through clear_sim. Qed.
Lemma low_free_table : sim_prim R (L_low "s2_free_table") h_s2_free_table.
Proof. through free_table_sim. Qed.
Lemma low_split : sim_prim R (L_low "s2_split") h_s2_split.
Proof. through split_sim. Qed.

Lemma pool_alloc_R : sim_prim R s_pool_alloc h_pool_alloc.
Proof.
  intros args s t HR. destruct args as [|vm [|]]; try exact I. pose proof (alloc_no_halt vm t) as NH.
  destruct (h_pool_alloc [vm] t) as [[pa t']| |] eqn:E; [|contradiction|exact I].
  destruct (alloc_sim _ _ _ _ _ HR E) as (s' & SA & R1 & _). exists (pa, s'). split; [exact SA|]. split; auto.
Qed.
Lemma pool_give_R : sim_prim R s_pool_give h_pool_give.
Proof.
  intros args s t HR. unfold h_pool_give. destruct args as [|vm [|pa [|]]]; try exact I. destruct (plain t pa) eqn:P; [|exact I].
  destruct (s_pool_give [vm; pa] t) as [[r t']| |] eqn:E; [| |exact I].
  - assert (RX : Rx (fun p => p =? page pa) s t) by (destruct HR as (SR & A & W); split; [exact SR|split; [intros a Pa _; apply A; auto|exact W]]).
    destruct (give_sim _ _ _ _ _ _ RX P E) as (s' & SG & R1). exists (r, s'). split; [exact SG|]. split; auto.
  - unfold s_pool_give in E. cbn zeta in E. match type of E with context [if ?b then _ else _] => destruct b; discriminate end.
Qed.

(* Functions of their arguments alone. *)
Lemma pure1_sim (p : prim state) (f : Z -> Z) :
  (forall args s, p args s = match args with [a] => Ok (f a, s) | _ => Stuck end) -> sim_prim R p p.
Proof. intros H args s t HR. rewrite !H. destruct args as [|a [|]]; try exact I. give. exact HR. Qed.
Lemma pte_leaf_R : sim_prim R s_pte_leaf s_pte_leaf.
Proof. intros args s t HR. destruct args as [|a [|b [|c [|]]]]; try exact I. give. exact HR. Qed.
Lemma root_R : sim_prim R s_s2_root s_s2_root.
Proof.
  intros args s t HR. unfold s_s2_root, roots_ok, root. destruct args as [|vm [|]]; try exact I. same_fields HR.
  destruct (_ && _); [|exact I]. give. exact HR.
Qed.
Lemma vttbr_sim : sim_prim R s_s2_vttbr s_s2_vttbr.
Proof.
  intros args s t HR. unfold s_s2_vttbr, roots_ok, root. destruct args as [|vm [|]]; try exact I. same_fields HR.
  destruct (_ && _); [|exact I]. give. exact HR.
Qed.

(* Cells and registers are the same primitive on both sides. *)
Definition self (p : string * prim state) : Prop := fst p = "set_root_base" \/ sim_prim R (snd p) (snd p).

Lemma not_array n : existsb (fun p => String.eqb n (fst (fst p))) arrays = false -> forall w len, ~ In (n, w, len) arrays.
Proof.
  intros H w len I. assert (X : existsb (fun p => String.eqb n (fst (fst p))) arrays = true).
  { apply existsb_exists. exists (n, w, len). split; [exact I|]. apply String.eqb_refl. }
  congruence.
Qed.

Lemma cells_self : Forall self cell_prims.
Proof.
  unfold cell_prims. apply Forall_app; split; [|apply Forall_app; split; [|apply Forall_app; split]].
  - apply Forall_flat_map, Forall_forall. intros n _. repeat apply Forall_cons; try apply Forall_nil; unfold self; cbn [fst snd].
    + right. apply get0_sim.
    + destruct (String.eqb_spec n "root_base") as [->|N]; [left; reflexivity|right; apply set0_sim, N].
  - apply Forall_flat_map, Forall_forall. intros [[n w] len] H. repeat apply Forall_cons; try apply Forall_nil; unfold self; cbn [fst snd]; right.
    + apply get_sim. reflexivity.
    + apply set_sim_cell; [reflexivity|]. intros ->. exact (not_array "root_base" eq_refl _ _ H).
  - apply Forall_flat_map, Forall_forall. intros n H. repeat apply Forall_cons; try apply Forall_nil; unfold self; cbn [fst snd]; right.
    + apply get_sim. exact nr_pages_R.
    + apply set_sim_cell; [exact nr_pages_R|]. intros ->. destruct H as [H|[H|[]]]; discriminate.
  - repeat apply Forall_cons; try apply Forall_nil; right; [exact acquire_sim|exact release_sim|exact halt_sim].
Qed.

Lemma regs_self : Forall self reg_prims.
Proof.
  unfold reg_prims. apply Forall_app; split; [|apply Forall_app; split; [|apply Forall_app; split; [|apply Forall_app; split]]].
  - apply Forall_map, Forall_forall. intros [[n b] i] _. right. apply read_sim.
  - apply Forall_map, Forall_forall. intros [[n b] i] _. right. apply write_sim.
  - repeat apply Forall_cons; try apply Forall_nil; right; cbn [snd];
      [exact host_x_sim|exact host_x_set_sim|exact guest_select_sim|exact host_select_sim|exact fp_clear_sim|exact smc_sim].
  - apply Forall_map, Forall_forall. intros n _. right. apply do_sim.
  - apply Forall_map, Forall_forall. intros n _. right. apply ask_sim.
Qed.

Lemma find_app {A} f (l m : list (string * A)) : find f (l ++ m) = match find f l with Some p => Some p | None => find f m end.
Proof. induction l as [|[g p] l IH]; cbn [find app]; [reflexivity|]. destruct (String.eqb f g); [reflexivity|exact IH]. Qed.
Lemma find_self l f p : f <> "set_root_base" -> Forall self l -> find f l = Some p -> sim_prim R p p.
Proof.
  intros N. induction 1 as [|[g q] l S H IH]; cbn [find]; [discriminate|].
  destruct (String.eqb_spec f g) as [->|]; [|exact IH]. intros [= <-]. destruct S as [E|S]; [contradiction|exact S].
Qed.
Lemma extend_other {St} (L : layer St) specs f : find f specs = None -> extend L specs f = L f.
Proof.
  revert L; induction specs as [|[g p] specs IH]; intros L; cbn [find extend]; [reflexivity|].
  destruct (String.eqb f g) eqn:E; [discriminate|]. intros H. rewrite IH by exact H. unfold add. rewrite E. reflexivity.
Qed.

Definition or_stuck (p : option (prim state)) : prim state := match p with Some q => q | None => no_meaning end.

(* What is neither in the modules nor a map function. *)
Lemma passes f : f <> "set_root_base" ->
  sim_prim R (or_stuck (find f prims)) (or_stuck (find f (cell_prims ++ reg_prims ++ mem_prims plain)%list)).
Proof.
  intros N. unfold prims. rewrite !find_app. destruct (find f cell_prims) as [p|] eqn:E; [eapply find_self; eauto using cells_self|].
  destruct (find f reg_prims) as [p|] eqn:E2; [eapply find_self; eauto using regs_self|].
  unfold mem_prims. cbn [find].
  repeat match goal with |- context [String.eqb f ?n] => destruct (String.eqb f n); [cbn [or_stuck]; auto using page_zero_sim, page_load_sim,
    page_store_sim, el1_save_sim, el1_load_sim, a32_save_sim, a32_load_sim, fp_save_sim, fp_load_sim, lrs_load_sim, lrs_save_sim, state_load_sim, state_save_sim|] end.
  all: apply sim_stuck.
Qed.

Lemma low_sim : sim R L_low L1.
Proof.
  intros f. change (L1 f) with (or_stuck (find f (map_prims ++ cell_prims ++ reg_prims ++ mem_prims plain)%list)). rewrite find_app.
  unfold map_prims. cbn [find].
  destruct (String.eqb_spec f "pool_alloc") as [->|]; [exact pool_alloc_R|].
  destruct (String.eqb_spec f "pool_give") as [->|]; [exact pool_give_R|].
  destruct (String.eqb_spec f "pte_is_table") as [->|]; [exact (pure1_sim s_pte_is_table (fun p => b2z (is_table p)) (fun _ _ => eq_refl))|].
  destruct (String.eqb_spec f "pte_leaf") as [->|]; [exact pte_leaf_R|].
  destruct (String.eqb_spec f "pte_prot") as [->|]; [exact (pure1_sim s_pte_prot prot_of (fun _ _ => eq_refl))|].
  destruct (String.eqb_spec f "level_bytes") as [->|]; [exact (pure1_sim s_level_bytes covers (fun _ _ => eq_refl))|].
  destruct (String.eqb_spec f "s2_root") as [->|]; [exact root_R|].
  destruct (String.eqb_spec f "s2_vttbr") as [->|]; [exact vttbr_sim|].
  destruct (String.eqb_spec f "s2_level") as [->|]; [exact level_sim|].
  destruct (String.eqb_spec f "s2_load") as [->|]; [exact load_sim|].
  destruct (String.eqb_spec f "s2_vacant") as [->|]; [exact vacant_sim|].
  destruct (String.eqb_spec f "s2_table_empty") as [->|]; [exact table_empty_sim|].
  destruct (String.eqb_spec f "s2_prepare") as [->|]; [exact low_prepare|].
  destruct (String.eqb_spec f "s2_set") as [->|]; [exact low_set|].
  destruct (String.eqb_spec f "s2_clear") as [->|]; [exact low_clear|].
  destruct (String.eqb_spec f "s2_free_table") as [->|]; [exact low_free_table|].
  destruct (String.eqb_spec f "s2_split") as [->|]; [exact low_split|].
  destruct (String.eqb_spec f "set_root_base") as [->|NR]; [apply sim_stuck|].
  destruct (String.eqb_spec f "pool_zero") as [->|]; [exact (sim_stuck _)|].
  destruct (String.eqb_spec f "entry_offset") as [->|]; [exact (sim_stuck _)|].
  destruct (String.eqb_spec f "s2_entry") as [->|]; [exact (sim_stuck _)|].
  assert (E : L_low f = or_stuck (find f prims)).
  { unfold L_low. rewrite link_other; [unfold L_words; rewrite extend_other; [reflexivity|]|].
    all: unfold word_specs, pool_specs, pte_specs, walk_specs, m_s2map; cbn [find List.app];
      repeat rewrite (proj2 (String.eqb_neq _ _)) by assumption; reflexivity. }
  rewrite E. apply passes, NR.
Qed.

(* The C of the pool, descriptors, walk and stage-2 map, over words, is layer L1. *)
Theorem tables_refine : refines R m_tables L0 L1.
Proof.
  unfold refines, m_tables. rewrite !app_assoc, link_app. rewrite <- app_assoc.
  intros f args s t HR.
  pose proof (sim_trans eq R _ _ _ (sim_link eq m_s2map _ _ words_refine) low_sim f args s t) as X.
  assert (Y : sim_res (rval (rcomp eq R)) (link (link L0 (m_pool ++ m_pte ++ m_walk)%list) m_s2map f args s) (L1 f args t)) by (apply X; exists s; auto).
  destruct (L1 f args t) as [[v t']| |]; cbn [sim_res] in *; auto.
  destruct Y as ([u s'] & E & [Eu (b & E1 & E2)]). cbn [fst snd] in *. subst. exists (v, b). split; [exact E|]. split; auto.
Qed.
