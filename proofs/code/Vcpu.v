(* SPDX-License-Identifier: GPL-2.0-only *)
(* vcpu.c: life of a vCPU. *)
From KCore Require Import code.Calls code.Vm gen.C_vcpu.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition exists_ (s : state) (vcpu : Z) : bool := (vcpu <? KCORE_NR_VCPUS) && negb (cell s "vcpu_state" vcpu =? VCPU_FREE).
Definition s_vcpu_exists : prim state := fun args s =>
  match args with [vcpu] => pre 0 <=? vcpu in Ok (b2z (exists_ s vcpu), s) | _ => Stuck end.
Lemma vcpu_exists_ok : meets (run L1 f_vcpu_exists) s_vcpu_exists.
Proof.
  spec_open. unfold exists_. consts. start f_vcpu_exists. steps; cbn [ends result]; right.
  - replace (z <? 4096) with false by (symmetry; apply Z.ltb_ge; props; lia). reflexivity.
  - replace (z <? 4096) with true by (symmetry; apply Z.ltb_lt; props; lia).
    destruct (cell s "vcpu_state" z =? 0); reflexivity.
Qed.
Lemma exists_range s vcpu : 0 <= vcpu -> negb (exists_ s vcpu) = false -> 0 <= vcpu < 4096 /\ 0 <= vcpu / 16 < 256.
Proof.
  unfold exists_. consts. intros P H. props.
  repeat split; try lia; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia].
Qed.

Definition create_check (vm index page : Z) (s : state) : res (Z * state) :=
  let i := page_record s page in
  if negb (alive s vm) || (KCORE_VM_VCPUS <=? index) || negb (paged page) then Ok (KCORE_EINVAL, s) else
  if (cell s "vm_state" vm =? VM_DYING) || ((cell s "vm_type" vm =? KCORE_VM_PROTECTED) && negb (cell s "vm_state" vm =? VM_NEW))
  then Ok (KCORE_ESTATE, s) else
  if negb (cell s "vcpu_state" (vm * KCORE_VM_VCPUS + index) =? VCPU_FREE) then Ok (KCORE_EBUSY, s) else
  pre regions_ok s && word64 page in
  if i =? NO_PAGE then Ok (KCORE_EPERM, s) else
  pre record_ok s i in
  if negb (cell s "page_owner" i =? OWNER_HOST) then Ok (KCORE_EPERM, s) else
  Ok ((if negb (cell s "page_maps" i =? 0) then KCORE_EBUSY else 0), s).
Definition s_vcpu_create_check : prim state := fun args s =>
  match args with [vm; index; page] => pre word64 vm && word64 index in create_check vm index page s | _ => Stuck end.
Lemma create_range s vm index p : negb (alive s vm) || (16 <=? index) || p = false -> 1 <= vm < 256 /\ index < 16.
Proof.
  intros H. apply orb_false_iff in H as [H _]. apply orb_false_iff in H as [A B]. split; [apply (alive_range s vm A)|].
  apply Z.leb_gt, B.
Qed.
Ltac learn C ::= match type of C with
  | negb (alive _ _) || _ || _ = false => pose proof (create_range _ _ _ _ C)
  end.
Lemma vcpu_create_check_ok :
  meets (run (add (add L1 "page_index" s_page_index) "vm_alive" s_vm_alive) f_vcpu_create_check) s_vcpu_create_check.
Proof. spec_open. unfold create_check, paged, record_ok, nr_pages. consts. start f_vcpu_create_check. go. Qed.

(* A fresh vCPU; its registers are in a page of the pool, or for a normal VM in the page that it shares with the host. *)
Definition SCTLR_EL1_RESET : Z := 0x00c50838.
Definition fresh_vcpu (vcpu page context power : Z) (s : state) : state :=
  setcell "vcpu_state" vcpu VCPU_READY (setcell "vcpu_entry_x0" vcpu 0 (setcell "vcpu_entry" vcpu 0 (setcell "vcpu_far" vcpu 0
    (setcell "vcpu_esr" vcpu 0 (setcell "vcpu_pending" vcpu PENDING_NONE (setcell "vcpu_power" vcpu power
      (put64 "vcpu_context" vcpu context (put64 "vcpu_page" vcpu page s)))))))).
Definition vcpu_new (vm vcpu page context power : Z) (s : state) : res (Z * state) :=
  let* (i, s) := s_page_index [page] s in
  let* (_, s) := s_pages_map 1 [i; 1] s in
  pre held s in
  Ok (vcpu, bump "vcpus_alive" 64 0 1 (bump "vm_vcpus" 32 vm 1 (fresh_vcpu vcpu page context power s))).
Definition vcpu_create (vm index page : Z) (s : state) : res (Z * state) :=
  let vcpu := vm * KCORE_VM_VCPUS + index in
  let* (r, s) := s_vcpu_create_check [vm; index; page] s in
  if negb (r =? 0) then Ok (r, s) else
  pre nth_vm vm && (index <? KCORE_VM_VCPUS) in
  if cell s "vm_type" vm =? KCORE_VM_PROTECTED then
    let* (context, s) := h_pool_alloc [vm] s in
    if context =? 0 then Ok (KCORE_ENOMEM, s) else
    pre plain s (context + CTX_SCTLR) in
    vcpu_new vm vcpu page context POWER_OFF (setword (context + CTX_SCTLR) SCTLR_EL1_RESET s)
  else vcpu_new vm vcpu page page POWER_ON s.
Definition s_vcpu_create : prim state := fun args s =>
  match args with [vm; index; page] => pre word64 vm && word64 index in vcpu_create vm index page s | _ => Stuck end.
Definition L_create : layer state := add (add (add L1 "page_index" s_page_index) "pages_map_add" (s_pages_map 1))
  "vcpu_create_check" s_vcpu_create_check.
(* Up to the next call of f; and with the specification out of sight. *)
Ltac go_to f := repeat lazymatch goal with
  | |- wp _ (SCall _ f _) _ _ _ => fail
  | _ => first [branch | step]
  end.
Ltac hidden tac :=
  match goal with |- context [ends ?r] => let spec := fresh "spec" in set (spec := r); tac; subst spec end.
Lemma vcpu_create_ok : meets (run L_create f_vcpu_create) s_vcpu_create.
Proof.
  spec_open. unfold vcpu_create, vcpu_new, fresh_vcpu, put64, SCTLR_EL1_RESET, nth_vm, L_create. consts. start f_vcpu_create.
  go_to "set_vcpu_page". all: unwrap; spec_head; hidden steps.
  all: try match goal with |- context [if ?b then 0 else 1] => decide_ b end; finish.
Qed.

Definition s_hc_vcpu_create : prim state := fun args s =>
  match args with [vm; index; page] => section (s_vcpu_create [vm; index; page]) s | _ => Stuck end.
Lemma hc_vcpu_create_ok : meets (run (add L1 "vcpu_create" s_vcpu_create) f_hc_vcpu_create) s_hc_vcpu_create.
Proof. spec_open. unfold section. start f_hc_vcpu_create. go. Qed.

