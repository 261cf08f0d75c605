(* SPDX-License-Identifier: GPL-2.0-only *)
(* range.c: memory of normal VMs. *)
From KCore Require Import code.Calls gen.C_range.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition normal (s : state) (vm : Z) : Z :=
  if cell s "vm_state" vm =? VM_FREE then KCORE_EINVAL else
  if (cell s "vm_state" vm =? VM_DYING) || negb (cell s "vm_type" vm =? KCORE_VM_NORMAL) then KCORE_ESTATE else 0.
Definition s_normal_check : prim state := fun args s =>
  match args with [vm] => pre nth_vm vm in Ok (normal s vm, s) | _ => Stuck end.
Lemma normal_check_ok : meets (run L1 f_normal_check) s_normal_check.
Proof. spec_open. unfold normal. consts. start f_normal_check. go. Qed.

Definition device (prot : Z) : bool := negb (Z.land prot KCORE_PROT_DEVICE =? 0).
Definition map_check (pa bytes prot : Z) (s : state) : res (Z * state) :=
  let i := record_of s pa (bytes / PAGE_BYTES) in
  pre regions_ok s && word64 pa in
  if negb (i =? NO_PAGE) then
    if device prot then Ok (KCORE_EINVAL, s) else
    let* (yes, s) := s_pages_host_owned [i; bytes / PAGE_BYTES] s in
    Ok ((if negb (yes =? 0) then 0 else KCORE_EPERM), s)
  else
    let* (yes, s) := s_range_has_dram [pa; bytes] s in
    if negb (yes =? 0) then Ok (KCORE_EPERM, s) else
    if Z.land prot KCORE_PROT_DEVICE =? 0 then Ok (KCORE_EINVAL, s) else
    let* (yes, s) := s_range_denied [pa; bytes] s in
    Ok ((if yes =? 0 then 0 else KCORE_EPERM), s).
Definition s_map_check : prim state := fun args s =>
  match args with [pa; bytes; prot] => map_check pa bytes prot s | _ => Stuck end.
Definition L_record : layer state := add (add (add (add L1 "range_in_dram" s_range_in_dram) "range_has_dram" s_range_has_dram)
  "range_denied" s_range_denied) "pages_host_owned" s_pages_host_owned.
Lemma map_check_ok : meets (run L_record f_map_check) s_map_check.
Proof. spec_open. unfold map_check, device, L_record. consts. start f_map_check. spec_next. go. Qed.

(* Tables down to the level, with the entry invalid; AGAIN if something is mapped there. *)
Definition map_entry (vm ipa level : Z) (s : state) : res (Z * state) :=
  let* (pte, s) := h_s2_load [vm; ipa; level] s in Ok ((if valid pte then KCORE_EAGAIN else 0), s).
Definition map_prepare (vm ipa level : Z) (s : state) : res (Z * state) :=
  let* (r, s) := h_s2_prepare [vm; ipa; level] s in
  if negb (r =? 0) then Ok ((if r =? KCORE_EBUSY then KCORE_EAGAIN else r), s) else
  let* (last, s) := h_s2_level [vm; ipa] s in
  if (level =? 2) && (last =? 3) then
    let* (e, s) := h_s2_table_empty [vm; ipa] s in
    if e =? 0 then Ok (KCORE_EAGAIN, s) else
    let* (_, s) := h_s2_free_table [vm; ipa; 2] s in map_entry vm ipa level s
  else map_entry vm ipa level s.
Definition s_map_prepare : prim state := fun args s =>
  match args with [vm; ipa; level] => map_prepare vm ipa level s | _ => Stuck end.
Lemma map_prepare_ok : meets (run L1 f_map_prepare) s_map_prepare.
Proof. spec_open. unfold map_prepare, map_entry, valid. consts. start f_map_prepare. go. Qed.

Definition s_hc_tlb_flush_local : prim state := fun args s =>
  match args with
  | [vm] => if (vm =? HOST) || (KCORE_NR_VMS <=? vm) then Ok (KCORE_EINVAL, s) else
            pre roots_ok s vm in Ok (0, record "tlbi_local" [vttbr_of s vm] s)
  | _ => Stuck
  end.
Lemma hc_tlb_flush_local_ok : meets (run L1 f_hc_tlb_flush_local) s_hc_tlb_flush_local.
Proof. spec_open. consts. start f_hc_tlb_flush_local. go. Qed.

Definition page_state (pa : Z) (s : state) : Z :=
  let i := page_record s pa in
  if cell s "page_owner" i =? OWNER_CORE then KCORE_PAGE_CORE else
  if negb (cell s "page_owner" i =? OWNER_HOST) then KCORE_PAGE_VM else
  if negb (cell s "page_maps" i =? 0) then KCORE_PAGE_MAPPED else KCORE_PAGE_HOST.
Definition s_hc_page_state : prim state := fun args s =>
  match args with
  | [pa] => pre regions_ok s && word64 pa in
      if negb (paged pa) || (IPA_END <=? pa) then Ok (KCORE_EINVAL, s) else
      if page_record s pa =? NO_PAGE then Ok (KCORE_PAGE_NOT_DRAM, s) else
      pre negb (held s) && record_ok s (page_record s pa) in
      Ok (page_state pa s, sethold false (sethold true s))
  | _ => Stuck
  end.
Lemma hc_page_state_ok : meets (run (add L1 "page_index" s_page_index) f_hc_page_state) s_hc_page_state.
Proof. spec_open. unfold page_state, paged, record_ok, nr_pages. consts. start f_hc_page_state. go. Qed.

Definition range_specs : list (string * prim state) := [
  ("normal_check", s_normal_check); ("map_check", s_map_check); ("map_prepare", s_map_prepare);
  ("hc_tlb_flush_local", s_hc_tlb_flush_local); ("hc_page_state", s_hc_page_state)].

(* range.c: its checks, and what changes no map. *)
Definition L_range : layer state := extend (extend L1 region_specs) owner_specs.
Theorem range_refines : refines eq (firstn 3 m_range ++ skipn 14 m_range)%list L_range (extend L_range range_specs).
Proof.
  apply module_meets. cbn [firstn skipn app m_range]. module_step normal_check_ok. module_step map_check_ok.
  module_step map_prepare_ok. module_step hc_tlb_flush_local_ok. module_step hc_page_state_ok. exact I.
Qed.
