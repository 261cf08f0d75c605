(* SPDX-License-Identifier: GPL-2.0-only *)
(* host.c: the host's stage 2. *)
From KCore Require Import code.Calls gen.C_host.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition block_whole (ipa : Z) (s : state) : res (Z * state) :=
  let b := down ipa BLOCK_BYTES in
  let i := record_of s b 512 in
  pre regions_ok s && word64 b in
  if negb (i =? NO_PAGE) then s_pages_host_owned [i; 512] s else
  let* (dram, s) := s_range_has_dram [b; BLOCK_BYTES] s in
  let* (denied, s) := s_range_denied [b; BLOCK_BYTES] s in
  Ok ((if (dram =? 0) && (denied =? 0) then 1 else 0), s).
Definition s_host_block_whole : prim state := fun args s => match args with [ipa] => block_whole ipa s | _ => Stuck end.
Definition L_region : layer state := add (add (add (add (add L1 "range_in_dram" s_range_in_dram) "page_index" s_page_index)
  "range_has_dram" s_range_has_dram) "range_denied" s_range_denied) "pages_host_owned" s_pages_host_owned.
Lemma host_block_whole_ok : meets (run L_region f_host_block_whole) s_host_block_whole.
Proof. spec_open. unfold block_whole, down, L_region. consts. unwrap. start f_host_block_whole. spec_head. go. Qed.

Definition page_allowed (ipa : Z) (s : state) : res (Z * state) :=
  let p := down ipa PAGE_BYTES in
  let i := page_record s p in
  pre regions_ok s && word64 p in
  if negb (i =? NO_PAGE) then s_pages_host_owned [i; 1] s else
  let* (denied, s) := s_range_denied [p; PAGE_BYTES] s in
  Ok ((if denied =? 0 then 1 else 0), s).
Definition s_host_page_allowed : prim state := fun args s => match args with [ipa] => page_allowed ipa s | _ => Stuck end.
Lemma host_page_allowed_ok : meets (run L_region f_host_page_allowed) s_host_page_allowed.
Proof. spec_open. unfold page_allowed, down, L_region. consts. unwrap. start f_host_page_allowed. spec_head. go. Qed.

Definition HOST_DEVICE : Z := Z.lor KCORE_PROT_R KCORE_PROT_W.
Definition HOST_DRAM : Z := Z.lor HOST_DEVICE KCORE_PROT_X.

(* A block where it is whole and no table is there, else a page. *)
Definition host_level (ipa level : Z) (s : state) : res (Z * state) :=
  if level =? 2 then let* (yes, s) := s_host_block_whole [ipa] s in Ok ((if negb (yes =? 0) then 2 else 3), s)
  else Ok (level, s).
Definition host_map (ipa : Z) (s : state) : res (Z * state) :=
  let* (yes, s) := s_host_page_allowed [ipa] s in
  if yes =? 0 then Ok (KCORE_EPERM, s) else
  let* (r, s) := h_s2_prepare [HOST; ipa; 2] s in
  if negb (r =? 0) then Ok (r, s) else
  let* (level, s) := h_s2_level [HOST; ipa] s in
  let* (level, s) := host_level ipa level s in
  let* (r, s) := h_s2_prepare [HOST; ipa; level] s in
  if negb (r =? 0) then Ok (r, s) else
  pre regions_ok s && word64 (down ipa PAGE_BYTES) in
  let prot := if negb (page_record s (down ipa PAGE_BYTES) =? NO_PAGE) then HOST_DRAM else HOST_DEVICE in
  let* (_, s) := h_s2_set [HOST; ipa; level; leaf_word (down ipa (covers level)) prot level] s in
  Ok (0, s).
Definition s_host_map : prim state := fun args s => match args with [ipa] => host_map ipa s | _ => Stuck end.
Lemma host_map_ok :
  meets (run (add (add L_region "host_block_whole" s_host_block_whole) "host_page_allowed" s_host_page_allowed) f_host_map) s_host_map.
Proof.
  spec_open. unfold host_map, host_level, down, HOST_DRAM, HOST_DEVICE, L_region. consts. unwrap. start f_host_map. go.
Qed.

Definition host_fault (ipa : Z) (s : state) : res (Z * state) :=
  let* (level, s) := h_s2_level [HOST; ipa] s in
  let* (pte, s) := h_s2_load [HOST; ipa; level] s in
  if valid pte then Ok (0, s) else s_host_map [ipa] s.
Definition s_host_fault_map : prim state := fun args s =>
  match args with
  | [ipa] => if IPA_END <=? ipa then Ok (0, s) else
             let* (r, s) := section (host_fault ipa) s in Ok ((if r =? 0 then 1 else 0), s)
  | _ => Stuck
  end.
Lemma host_fault_map_ok : meets (run (add L1 "host_map" s_host_map) f_host_fault_map) s_host_fault_map.
Proof. spec_open. unfold section, host_fault, valid. consts. start f_host_fault_map. go. Qed.

Definition s_host_prepare_unmap : prim state := fun args s =>
  match args with
  | [pa] =>
      let* (level, s) := h_s2_level [HOST; pa] s in
      let* (pte, s) := h_s2_load [HOST; pa; level] s in
      if (level =? 2) && valid pte then h_s2_split [HOST; pa] s else Ok (0, s)
  | _ => Stuck
  end.
Lemma host_prepare_unmap_ok : meets (run L1 f_host_prepare_unmap) s_host_prepare_unmap.
Proof. spec_open. unfold valid. consts. start f_host_prepare_unmap. go. Qed.

Definition s_host_unmap : prim state := fun args s =>
  match args with
  | [pa] =>
      let* (level, s) := h_s2_level [HOST; pa] s in
      if level =? 3 then let* (_, s) := h_s2_clear [HOST; pa; 3] s in Ok (0, s) else Ok (0, s)
  | _ => Stuck
  end.
Lemma host_unmap_ok : meets (run L1 f_host_unmap) s_host_unmap.
Proof. spec_open. consts. start f_host_unmap. go. Qed.

Definition host_specs : list (string * prim state) := [
  ("host_block_whole", s_host_block_whole); ("host_page_allowed", s_host_page_allowed); ("host_map", s_host_map);
  ("host_fault_map", s_host_fault_map); ("host_prepare_unmap", s_host_prepare_unmap); ("host_unmap", s_host_unmap)].

Theorem host_refines : refines eq m_host L_region (extend L_region host_specs).
Proof.
  apply module_meets. module_step host_block_whole_ok. module_step host_page_allowed_ok. module_step host_map_ok.
  module_step host_fault_map_ok. module_step host_prepare_unmap_ok. module_step host_unmap_ok. exact I.
Qed.
