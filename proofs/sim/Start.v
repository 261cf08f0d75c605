(* SPDX-License-Identifier: GPL-2.0-only *)
(* The state that installation leaves is related to the top machine's first state. *)
From KCore Require Import code.Common.
From KCore Require Export top.Inv sim.Rel.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition zero_names : list string := ["page_maps"; "vm_state"; "vm_type"; "vm_vcpus"; "vm_loaded"; "vm_pages"; "vm_tables";
  "vm_mem_base"; "vm_mem_end"; "vm_cursor"; "vm_guards"; "vcpu_state"; "vcpu_power"; "vcpu_pending"; "vcpu_page"; "cpu_fp"; "cpu_stat";
  "pages_vm"; "pages_scrubbed"; "vms_alive"; "vcpus_alive"; "log_next"; "pool_head"; "pool_bump"].

Section Start.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).

(* What installation leaves: its tables, all else zero but for who owns pages, the pool's counters, and that no CPU has a vCPU. *)
Record fresh (s : state) : Prop := {
  z_fixed : forall n i, In n fixed_names -> cell s n i = fixed n i;
  z_zero : forall n i, In n zero_names -> cell s n i = 0;
  z_owner : forall p, dram p = true -> cell s "page_owner" (record_no fixed p) = if core p then OWNER_CORE else OWNER_HOST;
  z_vcpu : forall d, is_cpu d -> cell s "cpu_vcpu" d = NO_VCPU;
  z_pool : cell s "pool_free" 0 = pool /\ cell s "pool_reserve" 0 = reserve /\ 0 <= reserve < 2 ^ 64;
  z_tables : (forall v g, Base.s1 s v g = 0) /\ (forall v b, Base.tab s v b = 0) /\ (forall v l n, Base.leaf s v l n = 0) /\
    (forall p, Base.table s p = false);
  z_host : let c := Base.reg s "cpu_id" 0 in
    Base.reg s "host_context" 0 = fixed "host_context" c /\ Base.reg s "host_mdcr" 0 = fixed "host_mdcr" c;
  z_vmcr : 0 <= Base.reg s "ich_vmcr" 0 < 2 ^ 32
}.

(* Contents as they are. *)
Definition contents (s : state) : data :=
  mkdata (fun p o => word s (p * PAGE_BYTES + o * 8)) (fun _ _ => 0) (fun _ k => Base.reg s "fp" (k - W_FP)) 
    (fun _ n => if n =? R_VMCR then Base.reg s "ich_vmcr" 0 else Base.reg s "host_x" n) (fun _ _ => 0).

Theorem start_related c s : Base.reg s "cpu_id" 0 = c -> is_cpu c -> fresh s -> Q fixed c s (mkst boot_pub (contents s)).
Proof.
  intros Ec C [F Z O U (Pf & Pr & Rv) (T1 & T2 & T3 & T4) Hh Hv]. cbv zeta in Hh. rewrite Ec in Hh.
  assert (Z' : forall n i, existsb (String.eqb n) zero_names = true -> cell s n i = 0).
  { intros n i E. apply Z. apply existsb_exists in E as (m & M & E). apply String.eqb_eq in E as ->. exact M. }
  assert (NoC : forall w, ~ has_context boot_pub w) by (intros w (_ & X & _); apply X; reflexivity).
  assert (Nu : forall a, ~ in_use s boot_pub a).
  { intros a [[X _]|(w & X & _)]; [rewrite T4 in X; discriminate|eapply NoC; eauto]. }
  destruct (n_pool_base _ I) as (B1 & _ & B3 & B4). unfold PAGE_BYTES, IPA_END in B4.
  constructor; cbn [P D boot_pub owner maps vm lf top.State.s1 top.State.tab vcpu cpu cnt stat logged v_state v_type v_vcpus v_loaded
    v_pages v_tables
    v_base v_end v_cursor v_guard vm_with_guard c_state c_power c_pending c_esr c_page c_cpu u_vcpu u_fp u_run contents mem ctx fpm hreg length]; intros; auto;
    try (rewrite Z' by reflexivity; reflexivity); try contradiction; try (unfold KCORE_VM_NORMAL; lia).
  - rewrite H. reflexivity.
  - left. reflexivity.
  - intros v V. cbv zeta. rewrite Z' by reflexivity. split; [reflexivity|]. split; [cbn; unfold GUARD_RANGES; lia|]. intros [|k] r K; discriminate K.
  - rewrite Pf. change (pool = pool mod 2 ^ 64). symmetry. apply Z.mod_small. lia.
  - rewrite Pr. change (reserve = reserve mod 2 ^ 64). symmetry. apply Z.mod_small. lia.
  - match goal with H : nth_error [] _ = _ |- _ => destruct k; discriminate H end.
  - constructor.
    + rewrite Z' by reflexivity. lia.
    + exists []. cbn [linked length Z.of_nat]. rewrite (Z' "pool_head"), (Z' "pool_bump"), Pf by reflexivity. split; [auto|]. split;
      [constructor|]. split; [lia|]. intros a []. all: contradiction.
    + intros a X. destruct (Nu a X).
    + intros w X. destruct (NoC w X).
    + intros w x X. destruct (NoC w X).
    + intros l v n X. unfold table_at in X. rewrite T1, T2 in X. destruct (l =? 1); contradiction.
    + intros l v n m w o _ _ X. unfold table_at in X. rewrite T1, T2 in X. destruct (l =? 1); contradiction.
    + intros v V. apply Inv.covers_empty; [|cbn; lia]. intros a (N & [(n & E)|[(n & E)|(w & _ & X & _)]]);
      [rewrite T1 in E; auto|rewrite T2 in E; auto|destruct (NoC w X)].
  - rewrite T1. reflexivity.
  - rewrite T2. reflexivity.
  - rewrite T3. reflexivity.
  - rewrite T3. reflexivity.
  - match goal with H : lf boot_pub _ _ = _ |- _ => discriminate H | H : None = Some _ |- _ => discriminate H end.
  - match goal with H : at_rest _ _ |- _ => destruct H as [X _]; destruct X; reflexivity end.
  - match goal with H : at_rest _ _ |- _ => destruct H as [X _]; destruct X; reflexivity end.
  - match goal with H : at_rest _ _ |- _ => destruct H as [X _]; destruct X; reflexivity end.
  - f_equal. lia.
  - rewrite (proj2 (Z.eqb_neq n R_VMCR)) by (unfold R_VMCR; lia). reflexivity.
  - intros G. cbv zeta. cbn [P D boot_pub cpu u_vcpu]. split; [exact Hv|]. split; [reflexivity|]. intros X. destruct (X eq_refl).
Qed.
End Start.
