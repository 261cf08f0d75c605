(* SPDX-License-Identifier: GPL-2.0-only *)
(* vm.c: finalisation and the end of a VM. *)
From KCore Require Import code.Calls code.Log code.Vm gen.C_vm.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* sign: the VM has to be signed. *)
Definition finalise (vm ipa bytes sign : Z) (s : state) : res (Z * state) :=
  if negb (alive s vm) then Ok (KCORE_EINVAL, s) else
  if negb (cell s "vm_state" vm =? VM_NEW) || negb (sign =? 0) && negb (cell s "vm_type" vm =? KCORE_VM_PROTECTED) then Ok (KCORE_ESTATE, s) else
  if cell s "vm_type" vm =? KCORE_VM_PROTECTED then
    if (sign =? 0) && negb (cell s "signed_only" 0 =? 0) then Ok (KCORE_EPERM, s) else
    if outside ipa bytes then Ok (KCORE_EINVAL, s) else
    if cell s "vcpu_state" (vm * KCORE_VM_VCPUS) =? VCPU_FREE then Ok (KCORE_ESTATE, s) else
    pre boot_ok s vm in
    Ok (0, record "measure_begin" [vm; ipa; ipa + bytes; cell s "vm_vcpus" vm; cell s "vcpu_context" (vm * KCORE_VM_VCPUS)]
             (setcell "vm_state" vm VM_READY
               (boot_registers vm sign (setcell "vm_mem_end" vm (ipa + bytes) (setcell "vm_mem_base" vm ipa s)))))
  else Ok (0, setcell "vm_state" vm VM_READY s).
Definition s_vm_finalise : prim state := fun args s =>
  match args with
  | [vm; ipa; bytes; sign] => pre held s && (0 <=? vm) && word64 ipa && word64 bytes in finalise vm ipa bytes sign s
  | _ => Stuck
  end.
Lemma boot_words_held vm s : held (boot_words vm s) = held s.
Proof. unfold boot_words. cbn [held setcell put64 setword setwords]. apply copy_words_held. Qed.
Lemma boot_registers_held vm sign s : held (boot_registers vm sign s) = held s.
Proof. unfold boot_registers. destruct (_ =? 0); apply boot_words_held. Qed.
Lemma boot_registers_cell vm sign s n i :
  existsb (String.eqb n) ["vm_cntvoff"; "vcpu_power"; "vcpu_pending"; "vcpu_esr"] = false -> cell (boot_registers vm sign s) n i = cell s n i.
Proof.
  cbn [existsb]. rewrite !orb_false_iff. intros (A & B & E & F & _). unfold boot_registers, boot_words, put64.
  destruct (_ =? 0); rewrite ?cell_setcell, ?A, ?B, ?E, ?F; cbn [andb cell setword setwords]; rewrite copy_words_cell; reflexivity.
Qed.
Ltac keeps ::= repeat first [ keeps_base | keeps_log | keeps_vm | keeps_boot
  | match goal with
    | |- context [held (boot_registers ?v ?b ?s)] => rewrite (boot_registers_held v b s)
    | |- context [cell (boot_registers ?v ?b ?s) ?n ?i] => rewrite (boot_registers_cell v b s n i eq_refl)
    end ].
Lemma vm_finalise_ok :
  meets (run (add (add L1 "vm_alive" s_vm_alive) "vm_boot_registers" s_vm_boot_registers) f_vm_finalise) s_vm_finalise.
Proof.
  spec_open. unfold finalise. rewrite outside_eq by lia. consts. start f_vm_finalise. go.
  props. rewrite wrap_small in H7 by (cbn [modulus]; lia). go. unfold nth_vm. consts. go.
Qed.

Definition s_hc_vm_finalise : prim state := fun args s =>
  match args with [vm; ipa; bytes] => section (s_vm_finalise [vm; ipa; bytes; 0]) s | _ => Stuck end.
Lemma hc_vm_finalise_ok : meets (run (add L1 "vm_finalise" s_vm_finalise) f_hc_vm_finalise) s_hc_vm_finalise.
Proof. spec_open. unfold section. start f_hc_vm_finalise. go. Qed.
Definition s_hc_vm_finalise_signed : prim state := fun args s =>
  match args with [vm; ipa; bytes] => section (s_vm_finalise [vm; ipa; bytes; 1]) s | _ => Stuck end.
Lemma hc_vm_finalise_signed_ok : meets (run (add L1 "vm_finalise" s_vm_finalise) f_hc_vm_finalise_signed) s_hc_vm_finalise_signed.
Proof. spec_open. unfold section. start f_hc_vm_finalise_signed. go. Qed.

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
  ("hc_vm_finalise_signed", s_hc_vm_finalise_signed);
  ("hc_vm_destroy_begin", s_hc_vm_destroy_begin); ("vm_dying_check", s_vm_dying_check)].

(* vm.c up to the check that a VM is dying, over the log. *)
Theorem vm_refines : refines eq (firstn 10 m_vm) (extend L1 log_specs) (extend (extend L1 log_specs) vm_specs).
Proof.
  apply module_meets. cbn [firstn m_vm]. module_step vm_alive_ok. module_step vm_find_free_ok. module_step vm_create_ok.
  module_step hc_vm_create_ok. module_step vm_boot_registers_ok. module_step vm_finalise_ok. module_step hc_vm_finalise_ok. module_step hc_vm_finalise_signed_ok.
  module_step hc_vm_destroy_begin_ok. module_step vm_dying_check_ok. exact I.
Qed.
