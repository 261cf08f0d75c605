(* SPDX-License-Identifier: GPL-2.0-only *)
(* vm.c: finalisation and the end of a VM. *)
From KCore Require Import code.Calls code.Log code.Vm gen.C_vm.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition finalise (vm ipa bytes : Z) (s : state) : res (Z * state) :=
  if negb (alive s vm) then Ok (KCORE_EINVAL, s) else
  if negb (cell s "vm_state" vm =? VM_NEW) then Ok (KCORE_ESTATE, s) else
  if cell s "vm_type" vm =? KCORE_VM_PROTECTED then
    if outside ipa bytes then Ok (KCORE_EINVAL, s) else
    if cell s "vcpu_state" (vm * KCORE_VM_VCPUS) =? VCPU_FREE then Ok (KCORE_ESTATE, s) else
    pre boot_ok s vm in
    Ok (0, setcell "vm_state" vm VM_READY
             (boot_registers vm (setcell "vm_mem_end" vm (ipa + bytes) (setcell "vm_mem_base" vm ipa s))))
  else Ok (0, setcell "vm_state" vm VM_READY s).
Definition s_vm_finalise : prim state := fun args s =>
  match args with
  | [vm; ipa; bytes] => pre held s && (0 <=? vm) && word64 ipa && word64 bytes in finalise vm ipa bytes s
  | _ => Stuck
  end.
Lemma boot_registers_held vm s : held (boot_registers vm s) = held s.
Proof. unfold boot_registers. cbn [held setcell put64 setword setwords]. apply copy_words_held. Qed.
Ltac keeps ::= repeat first [ keeps_base | keeps_log | keeps_vm | keeps_boot
  | match goal with |- context [held (boot_registers ?v ?s)] => rewrite (boot_registers_held v s) end ].
Lemma vm_finalise_ok :
  meets (run (add (add L1 "vm_alive" s_vm_alive) "vm_boot_registers" s_vm_boot_registers) f_vm_finalise) s_vm_finalise.
Proof.
  spec_open. unfold finalise. rewrite outside_eq by lia. consts. start f_vm_finalise. go.
  props. rewrite wrap_small in H7 by (cbn [modulus]; lia). go. unfold nth_vm. consts. go.
Qed.

Definition s_hc_vm_finalise : prim state := fun args s =>
  match args with [vm; ipa; bytes] => section (s_vm_finalise [vm; ipa; bytes]) s | _ => Stuck end.
Lemma hc_vm_finalise_ok : meets (run (add L1 "vm_finalise" s_vm_finalise) f_hc_vm_finalise) s_hc_vm_finalise.
Proof. spec_open. unfold section. start f_hc_vm_finalise. go. Qed.

Definition destroy_begin (vm : Z) (s : state) : res (Z * state) :=
  if negb (alive s vm) then Ok (KCORE_EINVAL, s) else
  if negb (cell s "vm_loaded" vm =? 0) then Ok (KCORE_EBUSY, s) else
  Ok (0, setcell "vm_state" vm VM_DYING s).
Definition s_hc_vm_destroy_begin : prim state := fun args s =>
  match args with [vm] => pre 0 <=? vm in section (destroy_begin vm) s | _ => Stuck end.
Lemma hc_vm_destroy_begin_ok : meets (run (add L1 "vm_alive" s_vm_alive) f_hc_vm_destroy_begin) s_hc_vm_destroy_begin.
Proof. spec_open. unfold section, destroy_begin. consts. start f_hc_vm_destroy_begin. go. Qed.

Definition dying (s : state) (vm : Z) : Z :=
  if negb (alive s vm) then KCORE_EINVAL else if cell s "vm_state" vm =? VM_DYING then 0 else KCORE_ESTATE.
Definition s_vm_dying_check : prim state := fun args s =>
  match args with [vm] => pre 0 <=? vm in Ok (dying s vm, s) | _ => Stuck end.
Lemma vm_dying_check_ok : meets (run (add L1 "vm_alive" s_vm_alive) f_vm_dying_check) s_vm_dying_check.
Proof. spec_open. unfold dying. consts. start f_vm_dying_check. go. Qed.

Definition vm_specs : list (string * prim state) := [
  ("vm_alive", s_vm_alive); ("vm_find_free", s_vm_find_free); ("vm_create", s_vm_create); ("hc_vm_create", s_hc_vm_create);
  ("vm_boot_registers", s_vm_boot_registers); ("vm_finalise", s_vm_finalise); ("hc_vm_finalise", s_hc_vm_finalise);
  ("hc_vm_destroy_begin", s_hc_vm_destroy_begin); ("vm_dying_check", s_vm_dying_check)].

(* vm.c up to the check that a VM is dying, over the log. *)
Theorem vm_refines : refines eq (firstn 9 m_vm) (extend L1 log_specs) (extend (extend L1 log_specs) vm_specs).
Proof.
  apply module_meets. cbn [firstn m_vm]. module_step vm_alive_ok. module_step vm_find_free_ok. module_step vm_create_ok.
  module_step hc_vm_create_ok. module_step vm_boot_registers_ok. module_step vm_finalise_ok. module_step hc_vm_finalise_ok.
  module_step hc_vm_destroy_begin_ok. module_step vm_dying_check_ok. exact I.
Qed.
