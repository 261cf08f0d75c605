(* SPDX-License-Identifier: GPL-2.0-only *)
(* vcpu.c: a vCPU on a CPU. *)
From KCore Require Import code.Owner code.Calls code.Vm code.Vcpu code.VcpuEnd.
From KCore Require Import code.Context code.Cpu code.Gpsci code.Run gen.C_vcpu.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Ltac numbered := unfold KCORE_MAX_CPUS, VM_READY, VCPU_READY, VCPU_LOADED, KCORE_ESTATE, KCORE_EINVAL, KCORE_EBUSY; names.

(* The virtual counter's offset: a normal VM's from its page. *)
Definition load_timer (vcpu page : Z) (s : state) : state :=
  let vm := vcpu / KCORE_VM_VCPUS in
  setreg "cntvoff" 0 (if cell s "vm_type" vm =? KCORE_VM_NORMAL then words_of page s State.W_CNTVOFF else cell s "vm_cntvoff" vm) s.
Definition s_timer_load : prim state := fun args s =>
  match args with [vcpu; page] => pre vcpu_number vcpu && ctx_ok s page in Ok (0, load_timer vcpu page s) | _ => Stuck end.
Lemma timer_load_ok : meets (run L1 f_timer_load) s_timer_load.
Proof. spec_args. contexts. vcpu_range. unfold load_timer. numbered. start f_timer_load. hide. steps; finish. Qed.

(* What another vCPU of the protected VM left in this CPU's TLB goes. *)
Definition load_tlb (cpu vcpu : Z) (s : state) : state :=
  let vm := vcpu / KCORE_VM_VCPUS in
  let i := vm * KCORE_MAX_CPUS + cpu in
  let last := cell s "last_vcpu" i in
  if (cell s "vm_type" vm =? KCORE_VM_PROTECTED) && negb (last =? vcpu)
  then setcell "last_vcpu" i vcpu (if negb (last =? NO_VCPU) then record "tlbi_local" [vttbr_of s vm] s else s)
  else s.
Definition s_tlb_load : prim state := fun args s =>
  match args with
  | [cpu; vcpu] => pre cpu_ok cpu && vcpu_number vcpu && roots_ok s (vcpu / KCORE_VM_VCPUS) in Ok (0, load_tlb cpu vcpu s)
  | _ => Stuck
  end.
Lemma tlb_load_ok : meets (run L1 f_tlb_load) s_tlb_load.
Proof. spec_args. cpus. vcpu_range. unfold load_tlb. numbered. start f_tlb_load. hide. steps; finish. Qed.

Lemma ctx_tlb cpu vcpu s p : ctx_ok (load_tlb cpu vcpu s) p = ctx_ok s p.
Proof. unfold load_tlb. destruct (_ && _); [|reflexivity]. destruct (negb (cell s "last_vcpu" _ =? _)); reflexivity. Qed.

Definition s_hc_vcpu_load : prim state := fun args s =>
  match args with
  | [vcpu] =>
      pre cpu_ok (reg s "cpu_id" 0) && (0 <=? vcpu) in
      let cpu := reg s "cpu_id" 0 in
      let gic := negb (cell s "has_gicv3" 0 =? 0) in
      let* (r, s) := section (s_vcpu_load [cpu; vcpu]) s in
      if negb (r =? 0) then Ok (r, s) else
      let page := cell s "vcpu_page" vcpu in
      pre vcpu_number vcpu && ctx_ok s page && roots_ok s (vcpu / KCORE_VM_VCPUS) in
      let s := load_timer vcpu page (load_tlb cpu vcpu s) in
      if gic then p_gic_state_load plain [page] s else Ok (0, s)
  | _ => Stuck
  end.
Definition L_load : layer state := add (add (add L1 "vcpu_load" s_vcpu_load) "tlb_load" s_tlb_load) "timer_load" s_timer_load.

(* The next call, whose result is known. *)
Ltac answers E := eapply wp_call; [eval_tac | lookup; rewrite E; cbn [returns_to put setv]; cbn beta iota].
Lemma hc_vcpu_load_ok : meets (run L_load f_hc_vcpu_load) s_hc_vcpu_load.
Proof.
  spec_open. cpus. unfold section. destruct (held s) eqn:U; [left; reflexivity|]. cbn [negb bind].
  destruct (s_vcpu_load [reg s "cpu_id" 0; z] (sethold true s)) as [[r t]| |] eqn:E; [|right|left; reflexivity].
  - cbn [bind]. destruct (held t) eqn:T; [|left; reflexivity]. cbn [bind]. destruct (negb (r =? 0)) eqn:C.
    + right. start f_hc_vcpu_load. hide. steps_to "vcpu_load". answers E. steps. finish.
    + reads. destruct (vcpu_number z && _ && _) eqn:P; [right|left; reflexivity]. props.
      match goal with X : ctx_ok _ ?p = true |- _ => pose proof X as Y; rewrite <- (ctx_tlb (reg s "cpu_id" 0) z) in Y end.
      contexts. vcpu_range. start f_hc_vcpu_load. hide. steps_to "vcpu_load". answers E. steps; reveal; conds; [cbv beta iota delta [p_gic_state_load]; pres|]; reflexivity.
  - start f_hc_vcpu_load. hide. steps_to "vcpu_load". answers E. finish.
Qed.

(* FP registers to the context and out of sight, the virtual GIC to the page. *)
Lemma ctx_drop cpu vcpu s p : ctx_ok (drop_fp cpu vcpu s) p = ctx_ok s p.
Proof. unfold drop_fp. destruct (negb _); reflexivity. Qed.
Lemma drop_cell cpu vcpu s n i : String.eqb n "cpu_fp" = false -> cell (drop_fp cpu vcpu s) n i = cell s n i.
Proof.
  intros N. unfold drop_fp. destruct (negb _); [|reflexivity]. unfold release_fp. rewrite cell_other by exact N. reflexivity.
Qed.
Lemma drop_held cpu vcpu s : held (drop_fp cpu vcpu s) = held s.
Proof. unfold drop_fp. destruct (negb _); reflexivity. Qed.

(* The virtual GIC's state goes to the page; cells and the lock stay. *)
Lemma gic_saved page s : context_ok plain s page = true ->
  exists t, p_gic_state_save plain [page] s = Ok (0, t) /\ cell t = cell s /\ held t = held s.
Proof.
  intros H. unfold p_gic_state_save. rewrite H. eexists. split; [reflexivity|].
  destruct (word s (vgic page 2) =? 0); split; reflexivity.
Qed.

Definition s_hc_vcpu_put : prim state := fun args s =>
  match args with
  | [] =>
      pre cpu_ok (reg s "cpu_id" 0) in
      let cpu := reg s "cpu_id" 0 in
      let vcpu := cell s "cpu_vcpu" cpu in
      let gic := negb (cell s "has_gicv3" 0 =? 0) in
      let page := cell s "vcpu_page" vcpu in
      if vcpu =? NO_VCPU then Ok (KCORE_ESTATE, s) else
      pre vcpu_mem s vcpu && negb (held s) in
      let s := drop_fp cpu vcpu s in
      let* (_, s) := (if gic then p_gic_state_save plain [page] s else Ok (0, s)) in
      section (fun s => Ok (0, bump "vm_loaded" 32 (vcpu / KCORE_VM_VCPUS) (-1)
        (setcell "vcpu_state" vcpu VCPU_READY (setcell "cpu_vcpu" cpu NO_VCPU s)))) (setreg "cntvoff" 0 0 s)
  | _ => Stuck
  end.
Lemma hc_vcpu_put_ok : meets (run (add L1 "fp_release" s_fp_release) f_hc_vcpu_put) s_hc_vcpu_put.
Proof.
  spec_open. cpus. numbered. destruct (cell s "cpu_vcpu" (reg s "cpu_id" 0) =? 4294967295) eqn:C.
  - right. start f_hc_vcpu_put. hide. steps. finish.
  - destruct (vcpu_mem s _ && negb (held s)) eqn:W; [right|left; reflexivity]. apply andb_true_iff in W as [V U]. apply negb_true_iff in U.
    set (cpu := reg s "cpu_id" 0) in *. set (vcpu := cell s "cpu_vcpu" cpu) in *.
    pose proof (drop_held cpu vcpu s) as D. rewrite U in D.
    assert (Y : ctx_ok (drop_fp cpu vcpu s) (cell s "vcpu_page" vcpu) = true)
      by (rewrite ctx_drop; eapply mem_facts; eassumption).
    halves. vcpu_range. subst cpu vcpu. start f_hc_vcpu_put. hide. steps_to "get_vcpu_page". call. rewrite drop_cell by reflexivity. cbn [returns_to put setv]; cbn beta iota.
    destruct (gic_saved _ _ ltac:(eassumption)) as (t & G & _ & T). rewrite D in T.
    steps_to "gic_state_save".
    2: steps; reveal; conds; unfold section, bump; cbn [bind]; pres; rewrite wrap_mod by lia; reflexivity.
    eapply wp_call; [eval_tac|]. lookup. map_lookup. rewrite G. go. reveal. conds. rewrite G. unfold section, bump. cbn [bind]. pres. rewrite wrap_mod by lia. reflexivity.
Qed.

Definition s_hc_vgic_vmcr_read : prim state := fun args s =>
  match args with
  | [] =>
      pre cpu_ok (reg s "cpu_id" 0) in
      if (cell s "cpu_vcpu" (reg s "cpu_id" 0) =? NO_VCPU) || (cell s "has_gicv3" 0 =? 0) then Ok (KCORE_ESTATE, s)
      else Ok (reg s "ich_vmcr" 0, s)
  | _ => Stuck
  end.
Lemma hc_vgic_vmcr_read_ok : meets (run L1 f_hc_vgic_vmcr_read) s_hc_vgic_vmcr_read.
Proof. spec_args. cpus. numbered. start f_hc_vgic_vmcr_read. hide. steps; finish. Qed.

Definition vcpu_specs : list (string * prim state) := [
  ("vcpu_exists", s_vcpu_exists); ("vcpu_create_check", s_vcpu_create_check); ("vcpu_create", s_vcpu_create);
  ("hc_vcpu_create", s_hc_vcpu_create); ("vcpu_destroy", s_vcpu_destroy); ("hc_vcpu_destroy", s_hc_vcpu_destroy);
  ("vcpu_load", s_vcpu_load); ("timer_load", s_timer_load); ("tlb_load", s_tlb_load); ("hc_vcpu_load", s_hc_vcpu_load);
  ("hc_vcpu_put", s_hc_vcpu_put); ("hc_vgic_vmcr_read", s_hc_vgic_vmcr_read)].

(* All of vcpu.c over what it calls. *)
Definition L_vcpu : layer state :=
  add (add (extend (extend L1 region_specs) owner_specs) "vm_alive" s_vm_alive) "fp_release" s_fp_release.
Theorem vcpu_refines : refines eq m_vcpu L_vcpu (extend L_vcpu vcpu_specs).
Proof.
  apply module_meets. module_step vcpu_exists_ok. module_step vcpu_create_check_ok. module_step vcpu_create_ok.
  module_step hc_vcpu_create_ok. module_step vcpu_destroy_ok. module_step hc_vcpu_destroy_ok. module_step vcpu_load_ok.
  module_step timer_load_ok. module_step tlb_load_ok. module_step hc_vcpu_load_ok. module_step hc_vcpu_put_ok.
  module_step hc_vgic_vmcr_read_ok. exact I.
Qed.
