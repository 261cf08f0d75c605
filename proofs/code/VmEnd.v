(* SPDX-License-Identifier: GPL-2.0-only *)
(* vm.c: the steps of a destroy, and its end. *)
From KCore Require Import code.Calls code.Log code.Vm code.VmLife code.Transfer gen.C_vm.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma dying_range s vm : negb (dying s vm =? 0) = false -> 1 <= vm < 256.
Proof.
  unfold dying. intros H. destruct (negb (alive s vm)) eqn:A; [discriminate H|]. apply (alive_range s vm A).
Qed.
Ltac learn C ::= match type of C with
  | negb (alive _ _) = false => pose proof (alive_range _ _ C)
  | negb (dying _ _ =? 0) = false => pose proof (dying_range _ _ C)
  end.

(* At most n sections and KCORE_STEP_PAGES leaves. *)
Fixpoint reap_loop (n : nat) (vm got : Z) (s : state) : res (Z * state) :=
  match n with
  | O => Ok (KCORE_EAGAIN, s)
  | S m =>
      let* (r, s) := s_vm_reap_one [vm] s in
      if r =? REAP_DONE then Ok (0, s) else
      if r =? REAP_WAIT then Ok (KCORE_EAGAIN, s) else
      if KCORE_STEP_PAGES <=? wrap U64 (got + r) then Ok (KCORE_EAGAIN, s) else reap_loop m vm (wrap U64 (got + r)) s
  end.
Definition DESTROY_SECTIONS : Z := 32.
Definition destroy_step (vm : Z) (s : state) : res (Z * state) :=
  pre negb (held s) in
  let r := dying (sethold true s) vm in
  let s := sethold false (sethold true s) in
  if negb (r =? 0) then Ok (r, s) else reap_loop (count DESTROY_SECTIONS) vm 0 s.
Definition s_hc_vm_destroy_step : prim state := fun args s =>
  match args with [vm] => pre 0 <=? vm in destroy_step vm s | _ => Stuck end.
Lemma hc_vm_destroy_step_ok :
  meets (run (add (add L1 "vm_reap_one" s_vm_reap_one) "vm_dying_check" s_vm_dying_check) f_hc_vm_destroy_step)
    s_hc_vm_destroy_step.
Proof.
  spec_open. unfold destroy_step, DESTROY_SECTIONS. consts. start f_hc_vm_destroy_step. spec_next. go.
  match goal with |- wp _ _ _ [_; _; Some ?r; _] ?t =>
    eapply (wp_times _ (fun k e s' => exists got a b, e = [Some z; Some got; a; b] /\
      reap_loop (count 32) z 0 t = reap_loop (count 32 - k) z got s')) end; try reflexivity.
  - cbn [modulus]; lia.
  - do 3 eexists. split; [reflexivity|]. rewrite Nat.sub_0_r. reflexivity.
  - intros k e s' Hn Hk (got & a & b & -> & E). rewrite E. replace (count 32 - k)%nat with (S (count 32 - S k)) by lia.
    cbn [setv reap_loop]. unfold REAP_DONE, REAP_WAIT. consts. go. do 3 eexists. split; reflexivity.
  - intros e s' (got & a & b & -> & E). rewrite E, Nat.sub_diag. cbn [setv reap_loop]. go.
Qed.

Definition destroy_end (vm : Z) (s : state) : res (Z * state) :=
  if negb (dying s vm =? 0) then Ok (dying s vm, s) else
  if (cell s "vm_cursor" vm <? IPA_END) || negb (cell s "vm_vcpus" vm =? 0) || negb (cell s "vm_pages" vm =? 0) ||
     negb (cell s "vm_tables" vm =? 0) then Ok (KCORE_EBUSY, s) else
  Ok (0, log_event LOG_VM_DESTROY vm 0 (bump "vms_alive" 64 0 (-1) (setcell "vm_state" vm VM_FREE s))).
Definition s_vm_destroy_end : prim state := fun args s =>
  match args with [vm] => pre held s && (0 <=? vm) in destroy_end vm s | _ => Stuck end.
Lemma vm_destroy_end_ok :
  meets (run (add (add L1 "vm_dying_check" s_vm_dying_check) "log_event" s_log_event) f_vm_destroy_end) s_vm_destroy_end.
Proof. spec_open. unfold destroy_end. consts. start f_vm_destroy_end. go. Qed.

Definition s_hc_vm_destroy_end : prim state := fun args s =>
  match args with [vm] => section (s_vm_destroy_end [vm]) s | _ => Stuck end.
Lemma hc_vm_destroy_end_ok : meets (run (add L1 "vm_destroy_end" s_vm_destroy_end) f_hc_vm_destroy_end) s_hc_vm_destroy_end.
Proof. spec_open. unfold section. start f_hc_vm_destroy_end. go. Qed.

Definition vm_end_specs : list (string * prim state) := [
  ("hc_vm_destroy_step", s_hc_vm_destroy_step); ("vm_destroy_end", s_vm_destroy_end); ("hc_vm_destroy_end", s_hc_vm_destroy_end)].

(* The rest of vm.c. *)
Definition L_vm : layer state := extend (extend (extend L1 log_specs) transfer_specs) vm_specs.
Theorem vm_end_refines : refines eq (skipn 10 m_vm) L_vm (extend L_vm vm_end_specs).
Proof.
  apply module_meets. cbn [skipn m_vm].
  module_step hc_vm_destroy_step_ok. module_step vm_destroy_end_ok. module_step hc_vm_destroy_end_ok. exact I.
Qed.
