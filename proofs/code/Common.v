(* SPDX-License-Identifier: GPL-2.0-only *)
(* What the specifications of the modules share, and tactics for specifications that call others. *)
From KCore Require Export machine.Map code.Owner.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* What the machine answers next. *)
Definition next_answer (s : state) : Z := answer s (List.length (trace s)) 0 mod 2 ^ 64.

Definition nth_vm (vm : Z) : bool := (0 <=? vm) && (vm <? KCORE_NR_VMS).

(* One critical section. *)
Definition section (f : state -> res (Z * state)) (s : state) : res (Z * state) :=
  pre negb (held s) in let* (r, s') := f (sethold true s) in pre held s' in Ok (r, sethold false s').

(* [wp_for0] with the number of iterations sealed. *)
Lemma wp_times {St} (L : layer St) (I : nat -> env -> St -> Prop) x t b step body w (Q : post) e s :
  step = 1 -> eval e b = Some w -> 0 <= w < modulus t ->
  I 0%nat e s ->
  (forall k e s, (k < count w)%nat -> Z.of_nat k < w -> I k e s ->
     wp L body (fun r => match r with Ok (ONext, e', s') => I (S k) e' s' | r => Q r end)
        (setv e x (Z.of_nat k)) s) ->
  (forall e s, I (count w) e s -> Q (Ok (ONext, setv e x w, s))) ->
  wp L (SFor x t (EConst 0) b step body) Q e s.
Proof. rewrite count_eq. apply wp_for0. Qed.

(* All words of the page are in no table. *)
Definition plain_page (s : state) (pa : Z) : bool := every (fun i => plain s (pa + i * 8)) (count 512).
Lemma plain_at s pa o : plain_page s pa = true -> 0 <= o < 4096 -> o mod 8 = 0 -> plain s (pa + o) = true.
Proof.
  intros H Ho M. apply Z.div_exact in M; [|lia]. rewrite M, Z.mul_comm.
  apply (every_at (fun i => plain s (pa + i * 8)) _ (o / 8) H). rewrite count_eq. lia.
Qed.

(* Addresses and sizes in whole pages. *)
Definition paged (z : Z) : bool := Z.land z (PAGE_BYTES - 1) =? 0.

(* Not whole pages below the end of the IPA space. *)
Definition outside (ipa bytes : Z) : bool :=
  negb (paged (Z.lor ipa bytes)) || (IPA_END <=? ipa) || (bytes =? 0) || (IPA_END - ipa <? bytes).
Lemma outside_eq ipa bytes : 0 <= ipa -> outside ipa bytes =
  negb (Z.land (Z.lor ipa bytes) (4096 - 1) =? 0) || (1099511627776 <=? ipa) || (bytes =? 0) ||
  (wrap U64 (1099511627776 - ipa) <? bytes).
Proof.
  intros H. unfold outside, paged, PAGE_BYTES, IPA_END. destruct (Z.leb_spec 1099511627776 ipa).
  - rewrite !orb_true_r. reflexivity.
  - rewrite wrap_small by (cbn [modulus]; lia). reflexivity.
Qed.

(* A counter goes up or down, in 2 ^ width. *)
Definition bump (n : string) (width i by_ : Z) (s : state) : state :=
  setcell n i ((cell s n i + by_) mod 2 ^ width) s.

Definition put64 (n : string) (i v : Z) (s : state) : state := setcell n i (v mod 2 ^ 64) s.

Lemma wrap_mod z width : 0 <= width <= 64 -> wrap U64 z mod 2 ^ width = z mod 2 ^ width.
Proof.
  intros H. unfold wrap. symmetry. apply Znumtheory.Zmod_div_mod; [lia|reflexivity|].
  exists (2 ^ (64 - width)). change (modulus U64) with (2 ^ 64). rewrite <- Z.pow_add_r by lia. f_equal. lia.
Qed.

(* ------------------------------------------------------------------- tactics *)

(* Constants of the core as the translation has them. *)
Ltac consts :=
  cbv delta [BLOCK_BYTES CTX_CNTVOFF CTX_PC CTX_PSTATE CTX_SCTLR GIB GUARD_RANGES HOST IPA_END KCORE_ABI_VERSION KCORE_EAGAIN
    KCORE_EBUSY KCORE_EINVAL KCORE_ENOMEM KCORE_ENOSYS KCORE_EPERM KCORE_ERR_MIN KCORE_ESTATE KCORE_INFO_ICH_VTR
    KCORE_INFO_IMAGE_SIZE KCORE_INFO_MDCR KCORE_INFO_REGION_BASE KCORE_INFO_REGION_SIZE KCORE_INFO_SIGNED_ONLY KCORE_MAX_CPUS KCORE_MAX_DENIED
    KCORE_MAX_REGIONS KCORE_NR_STATS KCORE_NR_VCPUS KCORE_NR_VMS KCORE_PAGE_CORE KCORE_PAGE_HOST KCORE_PAGE_MAPPED
    KCORE_PAGE_NOT_DRAM KCORE_PAGE_VM KCORE_PROT_DEVICE KCORE_PROT_R KCORE_PROT_W KCORE_PROT_X KCORE_QUOTE_HOST KCORE_STAT_el2_max
    KCORE_STAT_pages_core KCORE_STAT_pages_scrubbed KCORE_STAT_pages_vm KCORE_STAT_pool_free KCORE_STAT_pool_total
    KCORE_STAT_vcpus KCORE_STAT_vms KCORE_STEP_PAGES KCORE_VM_NORMAL KCORE_VM_PROTECTED KCORE_VM_VCPUS LOG_ENTRIES
    LOG_VM_CREATE LOG_VM_DESTROY NO_PAGE NO_VCPU OWNER_CORE OWNER_HOST PAGE_BYTES PENDING_NONE PENDING_START POWER_OFF POWER_ON
    PTE_ADDRESS PTE_VALID PTE_WRITE VCPU_FREE VCPU_LOADED VCPU_READY VM_DYING VM_FREE VM_NEW VM_READY] in *.

(* Named preconditions are proved by their conjuncts, or are in the context. *)
Ltac one_true :=
  first [ assumption |
    match goal with
    | |- (_ <=? _) = true => apply Z.leb_le; lia
    | |- (_ <? _) = true => apply Z.ltb_lt; lia
    | |- (_ =? _) = true => apply Z.eqb_eq; lia
    | |- plain _ (_ + _) = true => apply plain_at; [assumption | lia | first [apply Z_mod_mult | reflexivity]]
    | |- (negb (under_lock _) || _) = true => apply orb_true_iff; (left; reflexivity) || (right; assumption)
    | |- negb ?b = true => apply negb_true_iff; first [assumption | match b with (_ =? _) => apply Z.eqb_neq; lia end]
    | |- negb false = true => reflexivity
    | |- true = true => reflexivity
    end ].
Ltac pre_true ::=
  first [ assumption |
  unfold aligned, context_ok, word64, nth_vm, roots_ok, pages_ok, small, stage2_ok, nr_pages;
  repeat match goal with |- (_ && _) = true => apply andb_true_iff; split end; one_true ].
Ltac preconditions P := unfold word64, nth_vm, roots_ok, pages_ok, small, stage2_ok, nr_pages in P; props.

(* For [meets]: the arguments one by one, and what the specification asks for at once; its result is left open. *)
Ltac spec_open :=
  match goal with |- meets _ ?q => let h := head_of q in unfold h end;
  let args := fresh "args" in let s := fresh "s" in intros args s;
  repeat match goal with
  | |- (match ?l with nil => _ | cons _ _ => _ end) = Stuck \/ _ => destruct l; try (left; reflexivity)
  end;
  repeat match goal with
  | |- (if ?b then _ else Stuck) = Stuck \/ _ =>
      let P := fresh "P" in destruct b eqn:P; [|left; reflexivity]; preconditions P
  end.

(* A boolean that the context decides. *)
Ltac by_context b := let E := fresh "E" in destruct b eqn:E; [first [reflexivity | contra] | first [reflexivity | contra]].
Ltac decide_ b :=
  first [ match goal with H : b = true |- _ => rewrite H | H : b = false |- _ => rewrite H end
        | replace b with true by (symmetry; by_context b)
        | replace b with false by (symmetry; by_context b) ].

Lemma bind_if {A B} (b : bool) (x y : res A) (f : A -> res B) : bind (if b then x else y) f = if b then bind x f else bind y f.
Proof. destruct b; reflexivity. Qed.
Lemma bind_bind {A B C} (m : res A) (f : A -> res B) (g : B -> res C) : bind (bind m f) g = bind m (fun a => bind (f a) g).
Proof. destruct m; reflexivity. Qed.

(* The head of the specification: what it asks for, and what it decides as the code did. *)
Ltac spec_head :=
  repeat (cbn beta iota zeta;
    match goal with
    | |- context [ends (bind (Ok ?a) ?f)] => change (bind (Ok a) f) with (f a)
    | |- context [ends (bind (if ?b then ?x else ?y) ?f)] => rewrite (bind_if b x y f)
    | |- context [ends (bind (bind ?m ?f) ?g)] => rewrite (bind_bind m f g)
    | |- context [bind Stuck ?f] => change (bind Stuck f) with (@Stuck (Z * state))
    | |- context [ends (if ?b then ?x else Stuck)] =>
        let P := fresh "P" in destruct b eqn:P; [|left; reflexivity]; preconditions P
    | |- context [ends (if ?b then _ else _)] => decide_ b
    end); reads; pres.

Ltac unwrap := repeat match goal with
  | |- context [wrap ?t ?z] => rewrite (wrap_small t z) by (cbn [modulus]; lia) end.

(* Whatever a callee answers, specification and code go on with the same. *)
Ltac callee :=
  match goal with
  | |- returns_to _ _ _ ?r =>
      let v := fresh "v" in let s := fresh "s" in
      destruct r as [[v s]| |]; [|right; reflexivity|left; reflexivity]; cbn [returns_to put setv]; cbn beta iota
  end.

(* A callee by its specification, where that is a result under a precondition; others stay as they are named. *)
Ltac named h :=
  match h with
  | h_s2_level => idtac | h_s2_load => idtac | h_s2_vacant => idtac | h_s2_table_empty => idtac | h_s2_set => idtac | h_s2_clear => idtac
  | s_pages_host_owned => idtac | s_pages_map => idtac
  end.
Ltac expose :=
  try match goal with
  | |- returns_to _ _ _ ?r =>
      let h := head_of r in
      tryif named h then fail else idtac;
      let r' := eval cbv beta iota zeta delta [h] in r in
      match r' with
      | Ok _ => change r with r'
      | (if _ then Ok _ else Stuck) => change r with r'
      end
  end.
(* Hook: what composed changes leave as it was. *)
Lemma map_count_other by_ s i n m j : String.eqb m "page_maps" = false -> cell (map_count by_ s i n) m j = cell s m j.
Proof. intros H. rewrite map_count_cell, H. reflexivity. Qed.
Ltac keeps_base :=
  match goal with
  | |- context [held (map_count ?b ?s ?i ?n)] => rewrite (map_count_held b s i n)
  | |- context [cell (map_count ?b ?s ?i ?n) ?m ?j] => rewrite (map_count_other b s i n m j eq_refl)
  end.
Ltac keeps := repeat keeps_base.
Ltac tidy := reads; repeat (progress keeps; reads).
Ltac simpl_prim ::= map_lookup; expose; unfold_prims; unfold nr_pages; tidy; pres.

Lemma b2z_zero b : (b2z b =? 0) = negb b.
Proof. destruct b; reflexivity. Qed.

(* Hook: what a module concludes from the condition of a branch. *)
Ltac learn C := idtac.

(* Steps that go through calls, the specification beside the code. *)
Ltac branch :=
  match goal with
  | |- wp _ (SIf _ _ _) _ _ _ =>
      eapply wp_if; [eval_tac | |];
      let C := fresh "C" in intros C; rewrite ?truth_b2z, ?b2z_zero, ?negb_involutive in C;
      try contra; try rewrite C; try learn C; cbn beta iota
  | |- returns_to _ _ _ (Ok _) => cbn [returns_to put setv]; cbn beta iota
  | |- returns_to _ _ _ (if ?b then _ else Stuck) => unwrap; progress pres
  | |- returns_to _ _ _ (if ?b then _ else Stuck) => progress spec_head
  | |- returns_to _ _ _ (if ?b then _ else Stuck) => fail 1
  | |- returns_to _ _ _ (if ?b then _ else _) => let C := fresh "C" in destruct b eqn:C
  | |- returns_to _ _ _ _ => callee
  end.
Ltac finish :=
  unfold ends; cbn [result]; unfold bump, put64, vttbr_of, root; tidy; repeat rewrite wrap_mod by lia; unwrap;
  first [right; reflexivity | reflexivity].
Ltac go := repeat first [branch | step]; try (spec_head; finish).
