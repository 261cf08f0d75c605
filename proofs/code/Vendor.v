(* SPDX-License-Identifier: GPL-2.0-only *)
(* vendor.c: HVCs of protected guests to the vendor hypervisor service. *)
From KCore Require Import code.Calls code.Stats.
From KCore Require Import code.Context code.Inject code.Idreg code.Regs code.Cpu code.Gpsci code.Share code.Guard gen.C_vendor.
From KCore Require Export top.Service.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition HVC_OTHER : Z := 0.
Definition HVC_DONE : Z := 1.
Definition HVC_FAULT : Z := 2.

Definition s_guest_words : prim state := fun args s =>
  match args with
  | [context; w0; w1; w2; w3] => pre ctx_ok s context && word64 w0 && word64 w1 && word64 w2 && word64 w3 in
      Ok (0, put_words context [(0, w0); (1, w1); (2, w2); (3, w3)] s)
  | _ => Stuck
  end.
Lemma guest_words_ok : meets (run L1 f_guest_words) s_guest_words.
Proof. spec_args. contexts. unfold word64 in *. props. start f_guest_words. hide. steps. reveal. reflexivity. Qed.

Ltac answers E := eapply wp_call; [eval_tac | lookup; rewrite E; cbn [returns_to put setv]; cbn beta iota].

(* A call about the page at x1: done, or at the call again and the page has to come first. *)
Definition memory_answer (context pc r : Z) : Z * list (Z * Z) :=
  if r =? KCORE_EAGAIN then (HVC_FAULT, [(State.W_PC, wrap U64 (pc - 4))]) else (HVC_DONE, [(0, Guest.mem_result (r =? 0))]).
Definition guest_memory (vcpu context ask : Z) (s : state) : res (Z * state) :=
  let R := words_of context s in
  let* (r, t) := (if Z.lor (R 2) (R 3) =? 0 then s_guest_mem [vcpu / KCORE_VM_VCPUS; R 1; ask] s else Ok (KCORE_EINVAL, s)) in
  pre ctx_ok t context in
  Ok (fst (memory_answer context (R State.W_PC) r), put_words context (snd (memory_answer context (R State.W_PC) r)) t).
Definition s_guest_memory : prim state := fun args s =>
  match args with
  | [vcpu; context; ask] => pre vcpu_number vcpu && ctx_ok s context in guest_memory vcpu context ask s
  | _ => Stuck
  end.
Lemma guest_memory_ok : meets (run (add L1 "guest_mem" s_guest_mem) f_guest_memory) s_guest_memory.
Proof.
  spec_open. rename H into V, H0 into U. vcpu_range. unfold guest_memory, memory_answer, Guest.mem_result, Guest.SMCCC_INVALID, HVC_FAULT, HVC_DONE,
    KCORE_EAGAIN, KCORE_EINVAL. cbv zeta.
  destruct (Z.lor (words_of z0 s 2) (words_of z0 s 3) =? 0) eqn:A.
  - change (words_of z0 s 1) with (word s (z0 + 8)). change KCORE_VM_VCPUS with 16.
    destruct (s_guest_mem [z / 16; word s (z0 + 8); z1] s) as [[r t]| |] eqn:E; cbn [bind]; [|contexts; right|left; reflexivity].
    + destruct (ctx_ok t z0) eqn:T; [right|left; reflexivity]. contexts. start f_guest_memory. hide. steps_to "guest_mem". answers E.
      names. steps; reveal; conds; reflexivity.
    + start f_guest_memory. hide. steps_to "guest_mem". answers E. reveal. reflexivity.
  - cbn [bind]. rewrite U. right. contexts. start f_guest_memory. hide. steps; reveal. reflexivity.
Qed.

(* A call about a page outside of the VM's memory. *)
Definition guest_guard (vcpu context : Z) (s : state) : res (Z * state) :=
  let R := words_of context s in
  let* (r, t) := (if Z.lor (R 2) (R 3) =? 0 then s_guard_give [vcpu / KCORE_VM_VCPUS; R 1] s else Ok (KCORE_EINVAL, s)) in
  pre ctx_ok t context in Ok (0, put_words context [(0, Guest.mem_result (r =? 0))] t).
Definition s_guest_guard : prim state := fun args s =>
  match args with [vcpu; context] => pre vcpu_number vcpu && ctx_ok s context in guest_guard vcpu context s | _ => Stuck end.
Lemma guest_guard_ok : meets (run (add L1 "guard_give" s_guard_give) f_guest_guard) s_guest_guard.
Proof.
  spec_open. rename H into V, H0 into U. vcpu_range. unfold guest_guard, Guest.mem_result, Guest.SMCCC_INVALID, KCORE_EINVAL. cbv zeta.
  destruct (Z.lor (words_of z0 s 2) (words_of z0 s 3) =? 0) eqn:A.
  - change (words_of z0 s 1) with (word s (z0 + 8)). change KCORE_VM_VCPUS with 16.
    destruct (s_guard_give [z / 16; word s (z0 + 8)] s) as [[r t]| |] eqn:E; cbn [bind]; [|contexts; right|left; reflexivity].
    + destruct (ctx_ok t z0) eqn:T; [right|left; reflexivity]. contexts. start f_guest_guard. hide. steps_to "guard_give". answers E.
      names. steps; reveal; conds; reflexivity.
    + start f_guest_guard. hide. steps_to "guard_give". answers E. reveal. reflexivity.
  - cbn [bind]. rewrite U. right. contexts. start f_guest_guard. hide. steps; reveal. reflexivity.
Qed.

(* The word of its own measurement that x1 names. *)
Definition s_guest_measurement : prim state := fun args s =>
  match args with
  | [vcpu; context] => pre vcpu_number vcpu && ctx_ok s context in
      Ok (0, put_words context (measurement_words (next_answer s)) (record "measure_word" [vcpu / KCORE_VM_VCPUS; KCORE_QUOTE_GUEST; words_of context s 1] s))
  | _ => Stuck
  end.
Lemma guest_measurement_ok : meets (run (add L1 "guest_words" s_guest_words) f_guest_measurement) s_guest_measurement.
Proof.
  spec_open. vcpu_range. unfold measurement_words, KCORE_QUOTE_GUEST. change (words_of z0 s 1) with (word s (z0 + 8)). change KCORE_VM_VCPUS with 16. contexts.
  start f_guest_measurement. go. change (ctx_ok (record ?a ?b s) z0) with (ctx_ok s z0). rewrite H0. change (word64 0) with true.
  match goal with |- context [word64 (?a mod ?m)] =>
    replace (word64 (a mod m)) with true by (symmetry; apply word64_range; exact (Z.mod_pos_bound a m eq_refl)) end.
  cbn [andb returns_to put setv]. right. reflexivity.
Qed.

(* Its measurement and x1 to x4, to be signed. *)
Definition s_guest_quote : prim state := fun args s =>
  match args with
  | [vcpu; context] => pre vcpu_number vcpu && ctx_ok s context in
      let R := words_of context s in
      Ok (0, put_words context (quote_words (next_answer s)) (record "measure_quote" [vcpu / KCORE_VM_VCPUS; KCORE_QUOTE_GUEST; R 1; R 2; R 3; R 4] s))
  | _ => Stuck
  end.
Lemma guest_quote_ok : meets (run (add L1 "guest_words" s_guest_words) f_guest_quote) s_guest_quote.
Proof.
  spec_open. vcpu_range. unfold quote_words, SMCCC_NOT_SUPPORTED, KCORE_QUOTE_GUEST. cbv zeta. change (words_of z0 s 1) with (word s (z0 + 8)).
  change (words_of z0 s 2) with (word s (z0 + 16)). change (words_of z0 s 3) with (word s (z0 + 24)). change (words_of z0 s 4) with (word s (z0 + 32)).
  change KCORE_VM_VCPUS with 16. contexts. unfold next_answer.
  start f_guest_quote. go. change (ctx_ok (record ?a ?b s) z0) with (ctx_ok s z0). rewrite H0.
  change (2 ^ 64) with 18446744073709551616.
  match goal with |- context [negb (?x =? 0)] => destruct (x =? 0) end; cbn [negb]; change (word64 0) with true;
    try change (word64 18446744073709551615) with true; cbn [andb returns_to put setv]; right; reflexivity.
Qed.

(* One of its calls? *)
Definition vendor_call (x0 : Z) : bool :=
  existsb (Z.eqb (Z.land x0 0xffffffff)) [KVM_UID; KVM_FEATURES; KVM_HYP_MEMINFO; KVM_MEM_SHARE; KVM_MEM_UNSHARE; KVM_MEM_RELINQUISH; KVM_MMIO_GUARD;
    KCORE_HC_VM_MEASUREMENT; KCORE_HC_VM_QUOTE].
(* What the service answers.  Not one of its calls: nothing is done. *)
Definition vendor (vcpu context : Z) (s : state) : res (Z * state) :=
  let fn := Z.land (words_of context s 0) 0xffffffff in
  if fn =? KVM_UID then Ok (HVC_DONE, put_words context [(0, 0xb66fb428); (1, 0xe911c52e); (2, 0x564bcaa9); (3, 0x743a004d)] s) else
  if fn =? KVM_FEATURES then Ok (HVC_DONE, put_words context [(0, 0x29d); (1, 0); (2, 0); (3, 0)] s) else
  if fn =? KVM_HYP_MEMINFO then Ok (HVC_DONE, put_words context [(0, PAGE_BYTES)] s) else
  if fn =? KVM_MEM_SHARE then s_guest_memory [vcpu; context; MEM_SHARE] s else
  if fn =? KVM_MEM_UNSHARE then s_guest_memory [vcpu; context; MEM_UNSHARE] s else
  if fn =? KVM_MEM_RELINQUISH then s_guest_memory [vcpu; context; MEM_RELINQUISH] s else
  if fn =? KVM_MMIO_GUARD then let* (_, s) := s_guest_guard [vcpu; context] s in Ok (HVC_DONE, s) else
  if fn =? KCORE_HC_VM_MEASUREMENT then let* (_, s) := s_guest_measurement [vcpu; context] s in Ok (HVC_DONE, s) else
  if fn =? KCORE_HC_VM_QUOTE then let* (_, s) := s_guest_quote [vcpu; context] s in Ok (HVC_DONE, s) else
  Ok (HVC_OTHER, s).
Lemma vendor_none vcpu context s : vendor_call (words_of context s 0) = false -> vendor vcpu context s = Ok (HVC_OTHER, s).
Proof.
  unfold vendor_call, vendor. cbn [existsb]. cbv zeta. intros H. repeat (apply orb_false_iff in H as [-> H]). reflexivity.
Qed.
Definition s_guest_vendor : prim state := fun args s =>
  match args with [vcpu] => pre vcpu_ok s vcpu in vendor vcpu (cell s "vcpu_context" vcpu) s | _ => Stuck end.
Definition L_vendor : layer state :=
  add (add (add (add (add L1 "guest_words" s_guest_words) "guest_memory" s_guest_memory) "guest_guard" s_guest_guard) "guest_measurement" s_guest_measurement)
    "guest_quote" s_guest_quote.
(* A callee whose answer is the specification's, whatever it is. *)
Ltac as_specified :=
  eapply wp_call; [eval_tac | lookup];
  match goal with |- returns_to _ _ _ ?r =>
    let v := fresh "v" in let t := fresh "t" in
    destruct r as [[v t]| |]; [|right; reflexivity|left; reflexivity]; cbn [returns_to put setv bind]; cbn beta iota
  end.
Lemma guest_vendor_ok : meets (run L_vendor f_guest_vendor) s_guest_vendor.
Proof.
  spec_open. contexts. unfold vendor, KVM_UID, KVM_FEATURES, KVM_HYP_MEMINFO, KVM_MEM_SHARE, KVM_MEM_UNSHARE, KVM_MEM_RELINQUISH, KVM_MMIO_GUARD, KCORE_HC_VM_MEASUREMENT, KCORE_HC_VM_QUOTE, HVC_OTHER,
    HVC_DONE, MEM_SHARE, MEM_UNSHARE, MEM_RELINQUISH, PAGE_BYTES. cbv zeta. set (c := cell s "vcpu_context" z) in *.
  change (words_of c s 0) with (word s (c + 0)).
  repeat match goal with |- (if ?b then _ else _) = Stuck \/ _ => destruct b eqn:? end.
  4-6: start f_guest_vendor; subst c; steps_to "guest_memory"; as_specified; steps; right; reflexivity.
  4: start f_guest_vendor; subst c; steps_to "guest_guard"; as_specified; steps; right; reflexivity.
  4: start f_guest_vendor; subst c; steps_to "guest_measurement"; as_specified; steps; right; reflexivity.
  4: start f_guest_vendor; subst c; steps_to "guest_quote"; as_specified; steps; right; reflexivity.
  all: right; start f_guest_vendor; subst c; steps; reflexivity.
Qed.

Definition vendor_specs : list (string * prim state) := [
  ("guest_words", s_guest_words); ("guest_memory", s_guest_memory); ("guest_guard", s_guest_guard); ("guest_measurement", s_guest_measurement);
  ("guest_quote", s_guest_quote); ("guest_vendor", s_guest_vendor)].

(* vendor.c over share.c and guard.c. *)
Definition L_service : layer state := extend (extend L_share share_specs) guard_specs.
Theorem vendor_refines : refines eq m_vendor L_service (extend L_service vendor_specs).
Proof. apply module_meets. module_step guest_words_ok. module_step guest_memory_ok. module_step guest_guard_ok. module_step guest_measurement_ok.
  module_step guest_quote_ok.
  module_step guest_vendor_ok. exact I. Qed.
