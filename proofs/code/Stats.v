(* SPDX-License-Identifier: GPL-2.0-only *)
(* stats.c: counters, and what the host may know of the installation. *)
From KCore Require Import code.Common gen.C_stats.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition stat_at (cpu id : Z) : Z := cpu * KCORE_NR_STATS + id.
Definition stat_ok (cpu id : Z) : bool := (0 <=? cpu) && (cpu <? KCORE_MAX_CPUS) && (0 <=? id) && (id <? KCORE_NR_STATS).

Definition stat_add (cpu id : Z) (s : state) : state := bump "cpu_stat" 64 (stat_at cpu id) 1 s.
Definition s_stat_add : prim state := fun args s =>
  match args with [cpu; id] => pre stat_ok cpu id in Ok (0, stat_add cpu id s) | _ => Stuck end.
Lemma stat_add_ok : meets (run L1 f_stat_add) s_stat_add.
Proof. spec_open. unfold stat_ok, stat_add, stat_at, bump in *. consts. props. start f_stat_add. steps. finish. Qed.

Definition stat_max (cpu id value : Z) (s : state) : state :=
  if cell s "cpu_stat" (stat_at cpu id) <? value then put64 "cpu_stat" (stat_at cpu id) value s else s.
Definition s_stat_max : prim state := fun args s =>
  match args with [cpu; id; value] => pre stat_ok cpu id in Ok (0, stat_max cpu id value s) | _ => Stuck end.
Lemma stat_max_ok : meets (run L1 f_stat_max) s_stat_max.
Proof.
  spec_open. unfold stat_ok, stat_max, stat_at, put64 in *. consts. props. start f_stat_max.
  steps; rewrite C; finish.
Qed.

(* Over the first n CPUs: the sum, or the maximum for el2_max. *)
Fixpoint total (s : state) (id : Z) (n : nat) : Z :=
  match n with
  | O => 0
  | S m =>
      let t := total s id m in let v := cell s "cpu_stat" (stat_at (Z.of_nat m) id) in
      if negb (id =? KCORE_STAT_el2_max) then (t + v) mod 2 ^ 64 else if t <? v then v else t
  end.
Definition stat_total (s : state) (id : Z) : Z := total s id (Z.to_nat KCORE_MAX_CPUS).
Definition s_stat_total : prim state := fun args s =>
  match args with [id] => pre (0 <=? id) && (id <? KCORE_NR_STATS) in Ok (stat_total s id, s) | _ => Stuck end.

Lemma stat_total_ok : meets (run L1 f_stat_total) s_stat_total.
Proof.
  spec_open. unfold stat_total. consts. start f_stat_total. steps.
  eapply (wp_for0 _ (fun k e s' => s' = s /\ exists a b, e = [Some z; Some (total s z k); a; b])); try reflexivity.
  - cbn [modulus]; lia.
  - split; [reflexivity|]. eauto.
  - intros k e s' _ Hk (-> & a & b & ->). cbn [setv]. steps; (split; [reflexivity|]); do 2 eexists;
      cbn [total]; unfold stat_at; consts; rewrite C, ?C0; reflexivity.
  - intros e s' (-> & a & b & ->). cbn [setv]. steps. finish.
Qed.

Definition stats_read (id : Z) (s : state) : res (Z * state) :=
  if KCORE_NR_STATS <=? id then Ok (KCORE_EINVAL, s) else
  if id =? KCORE_STAT_pages_core then Ok (cell s "pages_core" 0, s) else
  if id =? KCORE_STAT_pages_vm then Ok (cell s "pages_vm" 0, s) else
  if id =? KCORE_STAT_pool_free then Ok (cell s "pool_free" 0, s) else
  if id =? KCORE_STAT_pool_total then Ok (cell s "pool_pages" 0, s) else
  if id =? KCORE_STAT_vms then Ok (cell s "vms_alive" 0, s) else
  if id =? KCORE_STAT_vcpus then Ok (cell s "vcpus_alive" 0, s) else
  if id =? KCORE_STAT_pages_scrubbed then Ok (cell s "pages_scrubbed" 0, s) else
  Ok (stat_total s id, s).
Definition s_hc_stats_read : prim state := fun args s =>
  match args with [id] => pre 0 <=? id in stats_read id s | _ => Stuck end.
Lemma hc_stats_read_ok : meets (run (add L1 "stat_total" s_stat_total) f_hc_stats_read) s_hc_stats_read.
Proof.
  spec_open. unfold stats_read. consts. start f_hc_stats_read.
  steps; spec_head; try finish. unfold s_stat_total. consts. pres. cbn [returns_to put setv]. steps. finish.
Qed.

Definition info (which : Z) (s : state) : Z :=
  if which =? KCORE_INFO_ICH_VTR then cell s "ich_vtr" 0 else
  if which =? KCORE_INFO_MDCR then reg s "host_mdcr" 0 else
  if which =? KCORE_INFO_REGION_BASE then cell s "region_base" 0 else
  if which =? KCORE_INFO_REGION_SIZE then cell s "region_size" 0 else
  if which =? KCORE_INFO_IMAGE_SIZE then cell s "image_size" 0 else
  if which =? KCORE_INFO_SIGNED_ONLY then cell s "signed_only" 0 else KCORE_EINVAL.
Definition s_hc_info : prim state := fun args s =>
  match args with [which] => Ok (info which s, s) | _ => Stuck end.
Lemma hc_info_ok : meets (run L1 f_hc_info) s_hc_info.
Proof.
  spec_open. unfold info. consts. start f_hc_info. steps; rewrite C, ?C0, ?C1, ?C2, ?C3, ?C4; finish.
Qed.

Definition s_hc_version : prim state := fun args s => match args with [] => Ok (KCORE_ABI_VERSION, s) | _ => Stuck end.
Lemma hc_version_ok : meets (run L1 f_hc_version) s_hc_version.
Proof. spec_open. start f_hc_version. steps. finish. Qed.

Definition stats_specs : list (string * prim state) := [
  ("stat_add", s_stat_add); ("stat_max", s_stat_max); ("stat_total", s_stat_total);
  ("hc_stats_read", s_hc_stats_read); ("hc_info", s_hc_info); ("hc_version", s_hc_version)].

Theorem stats_refines : refines eq m_stats L1 (extend L1 stats_specs).
Proof.
  apply module_meets. module_step stat_add_ok. module_step stat_max_ok. module_step stat_total_ok.
  module_step hc_stats_read_ok. module_step hc_info_ok. module_step hc_version_ok. exact I.
Qed.
