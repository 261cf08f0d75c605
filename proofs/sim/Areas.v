(* SPDX-License-Identifier: GPL-2.0-only *)
(* Half pages that the code keeps registers in: those of vCPUs and of the host. *)
From KCore Require Import code.Common code.Context code.Run code.VcpuLoad.
From KCore Require Export sim.Finalise.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Areas.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Lemma area_of c s t a : Q c s t -> 0 <= a < IPA_END -> a mod 2048 = 0 -> plain s a = true -> ctx_ok s a = true.
Proof.
  intros R A M Pl. unfold ctx_ok, context_ok, CONTEXT_BYTES. rewrite M, Pl, (r_fixed _ _ _ _ R) by (cbn; tauto).
  destruct (n_roots _ I) as (_ & Rm & _). apply Z.div_exact in Rm; [|lia]. unfold IPA_END in A.
  repeat (apply andb_true_iff; split); try (apply Z.leb_le; lia); try (apply Z.ltb_lt; lia); auto.
  apply Z.eqb_eq. rewrite Rm. replace (8192 * (fixed "root_base" 0 / 8192)) with (fixed "root_base" 0 / 8192 * 4 * 2048) by lia.
  apply Z_mod_mult.
Qed.
Lemma page_half p : p * PAGE_BYTES mod 2048 = 0.
Proof. unfold PAGE_BYTES. replace (p * 4096) with (p * 2 * 2048) by lia. apply Z_mod_mult. Qed.
Lemma page_area c s t p : Q c s t -> 0 <= p < 268435456 -> core p = false -> ctx_ok s (p * PAGE_BYTES) = true.
Proof.
  intros R B C. pose proof (plain_host fixed I c s t p R C) as A. apply (plain_at _ _ 0) in A; [|lia|reflexivity]. rewrite Z.add_0_r in A.
  apply (area_of c s t); auto using page_half. unfold IPA_END, PAGE_BYTES. lia.
Qed.
Lemma context_area c s t w : Q c s t -> has_context (P t) w -> ctx_ok s (cell s "vcpu_context" w) = true.
Proof.
  intros R H. pose proof (plain_context fixed I c s t w R H) as A. apply (plain_at _ _ 0) in A; [|lia|reflexivity]. rewrite Z.add_0_r in A.
  destruct (context_at fixed c s t w R H) as (k & K & E). apply (area_of c s t); auto; rewrite E, (pool_page_no fixed I k).
  - destruct (n_pool_base _ I) as (B1 & B2 & B3 & B4). unfold IPA_END, PAGE_BYTES in *.
    apply Z.div_exact in B2; [|lia]. set (x := fixed "pool_base" 0 / 4096) in *. lia.
  - apply page_half.
Qed.
Lemma host_area c s t : Q c s t -> ctx_ok s (Base.reg s "host_context" 0) = true.
Proof.
  intros R. destruct (r_cpu_id _ _ _ _ R) as [_ C]. destruct (r_host _ _ _ _ R) as [-> _].
  destruct (n_host _ I c C) as (B & M & _ & Ro & Po). set (h := fixed "host_context" c) in *. apply (area_of c s t); auto.
  unfold plain, aligned, in_roots, Map.page. rewrite !(fixed_of _ _ _ _ R "root_base") by (cbn; tauto).
  repeat (apply andb_true_iff; split).
  - apply Z.eqb_eq. apply Z.div_exact in M; [|lia]. rewrite M. replace (2048 * (h / 2048)) with (h / 2048 * 256 * 8) by lia. apply Z_mod_mult.
  - apply negb_true_iff, andb_false_iff. unfold KCORE_NR_VMS, ROOT_BYTES in Ro. destruct Ro; [left; apply Z.leb_gt|right; apply Z.ltb_ge]; lia.
  - apply negb_true_iff. destruct (Base.table s (h / 2 ^ 12)) eqn:T; auto. exfalso. change (2 ^ 12) with PAGE_BYTES in T.
    destruct (p_used _ _ _ (r_pool _ _ _ _ R) (h / PAGE_BYTES * PAGE_BYTES)) as (k & K & E).
    { left. unfold PAGE_BYTES in *. rewrite Z.div_mul, Z_mod_mult by lia. auto. }
    pose proof (p_bump _ _ _ (r_pool _ _ _ _ R)). unfold pool_at, PAGE_BYTES in *.
    pose proof (Z.div_mod h 4096 ltac:(lia)). pose proof (Z.mod_pos_bound h 4096 ltac:(lia)).
    destruct (n_pool_base _ I) as (B1 & B2 & _). unfold PAGE_BYTES in B2. apply Z.div_exact in B2; [|lia].
    set (x := fixed "pool_base" 0 / 4096) in *. destruct Po; lia.
Qed.

Lemma vm_handle w : is_vcpu w -> is_handle (vm_of w).
Proof.
  unfold is_vcpu, is_handle, vm_of, KCORE_NR_VMS, KCORE_NR_VCPUS, KCORE_VM_VCPUS. split; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia].
Qed.
Lemma type_protected t w : inv t -> c_state (vcpu t w) <> VCPU_FREE ->
  protected t (vm_of w) = (v_type (vm t (vm_of w)) =? KCORE_VM_PROTECTED).
Proof. intros J N. destruct (i_vcpu _ J _ N) as (A & _). unfold protected. apply Z.eqb_neq in A. rewrite A. reflexivity. Qed.
Lemma vcpu_page_below c s t w : Q c s t -> inv (P t) -> c_state (vcpu (P t) w) <> VCPU_FREE -> 0 <= c_page (vcpu (P t) w) < 268435456.
Proof. intros R J N. apply (dram_below fixed I). apply (i_vcpu _ J _ N). Qed.
Lemma vcpu_page_area c s t w : Q c s t -> inv (P t) -> is_vcpu w -> c_state (vcpu (P t) w) <> VCPU_FREE ->
  ctx_ok s (cell s "vcpu_page" w) = true.
Proof.
  intros R J V N. rewrite (r_vcpu_page _ _ _ _ R w V).
  apply (page_area c s t); [exact R|eapply vcpu_page_below; eauto|apply (vcpu_page_host fixed c s t w R J N)].
Qed.

(* Both halves of a vCPU; a normal VM's are one. *)
Lemma vcpu_areas c s t w : Q c s t -> inv (P t) -> is_vcpu w -> c_state (vcpu (P t) w) <> VCPU_FREE ->
  vcpu_mem s w = true /\
  (protected (P t) (vm_of w) = true -> vcpu_ok s w = true) /\
  (protected (P t) (vm_of w) = false -> cell s "vcpu_context" w = c_page (vcpu (P t) w) * PAGE_BYTES).
Proof.
  intros R J V N. pose proof (vcpu_page_area c s t w R J V N) as A. pose proof (type_protected (P t) w J N) as T.
  assert (Nu : vcpu_number w = true) by (apply vcpu_number_range; exact V).
  assert (G : protected (P t) (vm_of w) = false -> cell s "vcpu_context" w = c_page (vcpu (P t) w) * PAGE_BYTES).
  { intros E. apply (r_context _ _ _ _ R w V N). rewrite T in E. apply Z.eqb_neq, E. }
  destruct (protected (P t) (vm_of w)) eqn:E.
  - assert (H : has_context (P t) w) by (split; [exact V|]; split; [exact N|exact E]).
    pose proof (context_area c s t w R H) as B. split; [unfold vcpu_mem; rewrite Nu, A, B; reflexivity|].
    split; [|discriminate]. intros _. unfold vcpu_ok. rewrite Nu, A, B. cbn [andb].
    destruct (context_at fixed c s t w R H) as (k & K & X). pose proof (vcpu_page_host fixed c s t w R J N) as C.
    pose proof (page_apart fixed I (c_page (vcpu (P t) w)) k 0 0 K C ltac:(lia) ltac:(lia)) as D.
    rewrite (r_vcpu_page _ _ _ _ R w V), X. rewrite (pool_page_no fixed I k) in *. unfold PAGE_BYTES in *. unfold apart.
    apply orb_true_iff. rewrite !Z.leb_le. lia.
  - specialize (G eq_refl). rewrite (r_vcpu_page _ _ _ _ R w V) in A. split; [|split; [discriminate|auto]].
    unfold vcpu_mem. rewrite Nu, (r_vcpu_page _ _ _ _ R w V), G, A. reflexivity.
Qed.
End Areas.
