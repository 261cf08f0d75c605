(* SPDX-License-Identifier: GPL-2.0-only *)
(* auth.c: VMs that start only if what is in them is signed. *)
From KCore Require Import code.Calls code.Log code.Vm code.VmLife gen.C_auth.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* 0: the VM waits for its signature. *)
Definition waiting (s : state) (vm : Z) : Z :=
  if negb (alive s vm) then KCORE_EINVAL else
  if negb (cell s "vm_state" vm =? VM_READY) || negb (cell s "vm_type" vm =? KCORE_VM_PROTECTED)
     || negb (cell s "vcpu_pending" (vm * KCORE_VM_VCPUS) =? PENDING_START) then KCORE_ESTATE else 0.
Definition s_start_check : prim state := fun args s =>
  match args with [vm] => pre 0 <=? vm in Ok (waiting s vm, s) | _ => Stuck end.
Lemma start_check_ok : meets (run (add L1 "vm_alive" s_vm_alive) f_start_check) s_start_check.
Proof. spec_open. unfold waiting. consts. start f_start_check. go. Qed.
Lemma waiting_range s vm : negb (waiting s vm =? 0) = false -> 1 <= vm < 256.
Proof. unfold waiting. destruct (alive s vm) eqn:A; [intros _|discriminate]. apply (alive_range s vm). rewrite A. reflexivity. Qed.
Ltac learn C ::= match type of C with
  | negb (alive _ _) = false => pose proof (alive_range _ _ C)
  | negb (waiting _ _ =? 0) = false => pose proof (waiting_range _ _ C)
  end.

(* The page behind the IPA: what it holds is the machine's to measure. *)
Definition measure (vm ipa : Z) (s : state) : res (Z * state) :=
  let r := waiting s vm in
  if negb (r =? 0) then Ok (r, s) else
  let* (pte, s) := h_s2_load [vm; ipa; 3] s in
  if negb (valid pte) then Ok (KCORE_EINVAL, s) else Ok (0, record "measure_page" [vm; ipa; Z.land pte PTE_ADDRESS] s).
Definition s_vm_measure : prim state := fun args s => match args with [vm; ipa] => pre 0 <=? vm in measure vm ipa s | _ => Stuck end.
Lemma vm_measure_ok : meets (run (add L1 "start_check" s_start_check) f_vm_measure) s_vm_measure.
Proof. spec_open. unfold measure, valid. consts. start f_vm_measure. go. Qed.

Definition s_hc_vm_measure : prim state := fun args s =>
  match args with
  | [vm; ipa] => if negb (paged ipa) || (IPA_END <=? ipa) then Ok (KCORE_EINVAL, s) else section (s_vm_measure [vm; ipa]) s
  | _ => Stuck
  end.
Lemma hc_vm_measure_ok : meets (run (add L1 "vm_measure" s_vm_measure) f_hc_vm_measure) s_hc_vm_measure.
Proof. spec_open. unfold section, paged. consts. start f_hc_vm_measure. go. Qed.

Definition begin (vm : Z) (s : state) : res (Z * state) :=
  let r := waiting s vm in
  if negb (r =? 0) then Ok (r, s) else
  if negb (cell s "vm_loaded" vm =? 0) then Ok (KCORE_EBUSY, s) else
  let vcpu := vm * KCORE_VM_VCPUS in
  let t := record "measure_signed" [vm; cell s "vcpu_page" vcpu] s in
  if next_answer s =? 0 then Ok (KCORE_EPERM, setcell "vm_state" vm VM_DYING t)
  else Ok (0, setcell "vcpu_power" vcpu POWER_ON (setcell "vcpu_pending" vcpu PENDING_NONE t)).
Definition s_vm_start : prim state := fun args s => match args with [vm] => pre held s && (0 <=? vm) in begin vm s | _ => Stuck end.
Lemma vm_start_ok : meets (run (add L1 "start_check" s_start_check) f_vm_start) s_vm_start.
Proof. spec_open. unfold begin, next_answer. consts. start f_vm_start. go. Qed.

Definition s_hc_vm_start : prim state := fun args s => match args with [vm] => section (s_vm_start [vm]) s | _ => Stuck end.
Lemma hc_vm_start_ok : meets (run (add L1 "vm_start" s_vm_start) f_hc_vm_start) s_hc_vm_start.
Proof. spec_open. unfold section. start f_hc_vm_start. go. Qed.

Definition s_hc_vm_measurement : prim state := fun args s =>
  match args with [vm; n] => Ok (0, setreg "host_x" 1 (next_answer s) (record "measure_word" [vm; KCORE_QUOTE_HOST; n] s)) | _ => Stuck end.
Lemma hc_vm_measurement_ok : meets (run L1 f_hc_vm_measurement) s_hc_vm_measurement.
Proof. spec_open. unfold next_answer. consts. start f_hc_vm_measurement. go. Qed.

(* 0: the VM is a protected one that may run. *)
Definition quotable (s : state) (vm : Z) : Z :=
  if negb (alive s vm) then KCORE_EINVAL else
  if negb (cell s "vm_state" vm =? VM_READY) || negb (cell s "vm_type" vm =? KCORE_VM_PROTECTED)
     || (cell s "vcpu_pending" (vm * KCORE_VM_VCPUS) =? PENDING_START) then KCORE_ESTATE else 0.
Definition s_quote_check : prim state := fun args s =>
  match args with [vm] => pre 0 <=? vm in Ok (quotable s vm, s) | _ => Stuck end.
Lemma quote_check_ok : meets (run (add L1 "vm_alive" s_vm_alive) f_quote_check) s_quote_check.
Proof. spec_open. unfold quotable. consts. start f_quote_check. go. Qed.

(* The quote is the machine's to make: 0, it has no key. *)
Definition quote (vm d0 d1 d2 d3 : Z) (s : state) : res (Z * state) :=
  let r := quotable s vm in
  if negb (r =? 0) then Ok (r, s) else
  Ok (if negb (next_answer s =? 0) then 0 else KCORE_ENOSYS, record "measure_quote" [vm; KCORE_QUOTE_HOST; d0; d1; d2; d3] s).
Definition s_vm_quote : prim state := fun args s =>
  match args with [vm; d0; d1; d2; d3] => pre 0 <=? vm in quote vm d0 d1 d2 d3 s | _ => Stuck end.
Lemma vm_quote_ok : meets (run (add L1 "quote_check" s_quote_check) f_vm_quote) s_vm_quote.
Proof. spec_open. unfold quote, next_answer. consts. start f_vm_quote. go. Qed.

Definition s_hc_vm_quote : prim state := fun args s =>
  match args with [vm; d0; d1; d2; d3] => section (s_vm_quote [vm; d0; d1; d2; d3]) s | _ => Stuck end.
Lemma hc_vm_quote_ok : meets (run (add L1 "vm_quote" s_vm_quote) f_hc_vm_quote) s_hc_vm_quote.
Proof. spec_open. unfold section. start f_hc_vm_quote. go. Qed.

Definition auth_specs : list (string * prim state) := [
  ("start_check", s_start_check); ("vm_measure", s_vm_measure); ("hc_vm_measure", s_hc_vm_measure); ("vm_start", s_vm_start);
  ("hc_vm_start", s_hc_vm_start); ("hc_vm_measurement", s_hc_vm_measurement);
  ("quote_check", s_quote_check); ("vm_quote", s_vm_quote); ("hc_vm_quote", s_hc_vm_quote)].

(* auth.c over vm.c. *)
Definition L_auth : layer state := extend (extend L1 log_specs) vm_specs.
Theorem auth_refines : refines eq m_auth L_auth (extend L_auth auth_specs).
Proof.
  apply module_meets. module_step start_check_ok. module_step vm_measure_ok. module_step hc_vm_measure_ok. module_step vm_start_ok.
  module_step hc_vm_start_ok. module_step hc_vm_measurement_ok. module_step quote_check_ok. module_step vm_quote_ok. module_step hc_vm_quote_ok. exact I.
Qed.
