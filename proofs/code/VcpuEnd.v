(* SPDX-License-Identifier: GPL-2.0-only *)
(* vcpu.c: the end of a vCPU; may it be loaded. *)
From KCore Require Import code.Calls code.Vm code.Vcpu gen.C_vcpu.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Ltac learn C ::= match type of C with negb (exists_ ?s ?v) = false => pose proof (exists_range s v ltac:(lia) C) end.

(* The context goes back to the pool, where it is zeroed; the page is the host's as before. *)
Definition vcpu_gone (vcpu : Z) (s : state) : res (Z * state) :=
  let* (i, s) := s_page_index [cell s "vcpu_page" vcpu] s in
  let* (_, s) := s_pages_map (-1) [i; 1] s in
  pre held s in
  Ok (0, bump "vcpus_alive" 64 0 (-1) (bump "vm_vcpus" 32 (vcpu / KCORE_VM_VCPUS) (-1) (setcell "vcpu_state" vcpu VCPU_FREE s))).
Definition vcpu_destroy (vcpu : Z) (s : state) : res (Z * state) :=
  let vm := vcpu / KCORE_VM_VCPUS in
  if negb (exists_ s vcpu) then Ok (KCORE_EINVAL, s) else
  if cell s "vcpu_state" vcpu =? VCPU_LOADED then Ok (KCORE_EBUSY, s) else
  if cell s "vm_type" vm =? KCORE_VM_PROTECTED then
    if cell s "vm_state" vm =? VM_READY then Ok (KCORE_ESTATE, s) else
    let* (_, s) := h_pool_give [vm; cell s "vcpu_context" vcpu] s in vcpu_gone vcpu s
  else vcpu_gone vcpu s.
Definition s_vcpu_destroy : prim state := fun args s =>
  match args with [vcpu] => pre 0 <=? vcpu in vcpu_destroy vcpu s | _ => Stuck end.
Definition L_destroy : layer state := add (add (add L1 "page_index" s_page_index) "pages_map_sub" (s_pages_map (-1)))
  "vcpu_exists" s_vcpu_exists.
Lemma vcpu_destroy_ok : meets (run L_destroy f_vcpu_destroy) s_vcpu_destroy.
Proof. spec_open. unfold vcpu_destroy, vcpu_gone, L_destroy. consts. start f_vcpu_destroy. go. Qed.

Definition s_hc_vcpu_destroy : prim state := fun args s =>
  match args with [vcpu] => section (s_vcpu_destroy [vcpu]) s | _ => Stuck end.
Lemma hc_vcpu_destroy_ok : meets (run (add L1 "vcpu_destroy" s_vcpu_destroy) f_hc_vcpu_destroy) s_hc_vcpu_destroy.
Proof. spec_open. unfold section. start f_hc_vcpu_destroy. go. Qed.

(* May the vCPU be loaded here?  Then it is. *)
Definition load (cpu vcpu : Z) (s : state) : res (Z * state) :=
  let vm := vcpu / KCORE_VM_VCPUS in
  if negb (exists_ s vcpu) then Ok (KCORE_EINVAL, s) else
  if negb (cell s "vm_state" vm =? VM_READY) then Ok (KCORE_ESTATE, s) else
  if negb (cell s "vcpu_state" vcpu =? VCPU_READY) || negb (cell s "cpu_vcpu" cpu =? NO_VCPU) then Ok (KCORE_EBUSY, s) else
  Ok (0, bump "vm_loaded" 32 vm 1 (setcell "cpu_vcpu" cpu vcpu (setcell "vcpu_state" vcpu VCPU_LOADED s))).
Definition s_vcpu_load : prim state := fun args s =>
  match args with
  | [cpu; vcpu] => pre held s && (0 <=? cpu) && (cpu <? KCORE_MAX_CPUS) && (0 <=? vcpu) in load cpu vcpu s
  | _ => Stuck
  end.
Lemma vcpu_load_ok : meets (run (add L1 "vcpu_exists" s_vcpu_exists) f_vcpu_load) s_vcpu_load.
Proof. spec_open. unfold load. consts. props. start f_vcpu_load. go. Qed.
