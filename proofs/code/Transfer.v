(* SPDX-License-Identifier: GPL-2.0-only *)
(* transfer.c: pages change hands. *)
From KCore Require Import code.Calls code.Host gen.C_transfer.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition scrub (pa : Z) (s : state) : state := record "dcache_clean_inval_page" [pa] (zero (count 512) pa s).
Definition scrub_ok (s : state) (pa : Z) : bool := (0 <=? pa) && (pa <? 2 ^ 52) && plain_page s pa.
Definition s_page_scrub : prim state := fun args s =>
  match args with [pa] => pre held s && scrub_ok s pa in Ok (0, scrub pa s) | _ => Stuck end.

Ltac keeps_zero :=
  match goal with
  | |- context [held (zero ?k ?p ?s)] => rewrite (zero_held k p s)
  | |- context [cell (zero ?k ?p ?s)] => rewrite (zero_cell k p s)
  | |- context [plain (zero ?k ?p ?s) ?a] => rewrite (zero_plain k p s a)
  | |- context [held (scrub ?p ?s)] => change (held (scrub p s)) with (held (zero (count 512) p s))
  | |- context [cell (scrub ?p ?s)] => change (cell (scrub p s)) with (cell (zero (count 512) p s))
  end.
Ltac keeps ::= repeat first [keeps_base | keeps_zero].

Lemma page_scrub_ok : meets (run L1 f_page_scrub) s_page_scrub.
Proof.
  spec_open. unfold scrub_ok, scrub in *. props. start f_page_scrub. go.
Qed.

(* The VM's page, mapped nowhere, becomes the host's, zeroed. *)
Definition reclaim (vm pa : Z) (s : state) : state :=
  bump "pages_scrubbed" 64 0 1 (bump "pages_vm" 64 0 (-1) (bump "vm_pages" 64 vm (-1)
    (setcell "page_owner" (page_record s pa) OWNER_HOST (scrub pa s)))).
Definition s_page_reclaim : prim state := fun args s =>
  match args with
  | [vm; pa] => pre held s && nth_vm vm && regions_ok s && scrub_ok s pa && record_ok s (page_record s pa) in
                Ok (0, reclaim vm pa s)
  | _ => Stuck
  end.
Lemma page_reclaim_ok :
  meets (run (add (add L1 "page_index" s_page_index) "page_scrub" s_page_scrub) f_page_reclaim) s_page_reclaim.
Proof.
  spec_open. unfold record_ok, nr_pages, reclaim in *. consts. props.
  assert (0 <= z0 < 2 ^ 64) by (unfold scrub_ok in *; props; lia).
  start f_page_reclaim. go.
Qed.

(* Everything that a donation needs, checked and prepared. *)
Definition donate_check (vm ipa pa : Z) (s : state) : res (Z * state) :=
  let i := page_record s pa in
  if cell s "vm_state" vm =? VM_FREE then Ok (KCORE_EINVAL, s) else
  if negb (cell s "vm_state" vm =? VM_READY) || negb (cell s "vm_type" vm =? KCORE_VM_PROTECTED) then Ok (KCORE_ESTATE, s) else
  if (ipa <? cell s "vm_mem_base" vm) || (cell s "vm_mem_end" vm <=? ipa) then Ok (KCORE_EINVAL, s) else
  if i =? NO_PAGE then Ok (KCORE_EPERM, s) else
  pre record_ok s i in
  if negb (cell s "page_owner" i =? OWNER_HOST) then Ok (KCORE_EPERM, s) else
  if negb (cell s "page_maps" i =? 0) then Ok (KCORE_EBUSY, s) else
  let* (r, s) := h_s2_prepare [vm; ipa; 3] s in
  if negb (r =? 0) then Ok (r, s) else
  let* (pte, s) := h_s2_load [vm; ipa; 3] s in
  if valid pte then Ok (KCORE_EBUSY, s) else s_host_prepare_unmap [pa] s.
Definition s_donate_check : prim state := fun args s =>
  match args with
  | [vm; ipa; pa] => pre nth_vm vm && regions_ok s && word64 pa in donate_check vm ipa pa s
  | _ => Stuck
  end.
Definition L_host : layer state := add (add (add L1 "page_index" s_page_index)
  "host_prepare_unmap" s_host_prepare_unmap) "host_unmap" s_host_unmap.
Lemma donate_check_ok : meets (run L_host f_donate_check) s_donate_check.
Proof. spec_open. unfold donate_check, valid, record_ok, nr_pages, L_host. consts. start f_donate_check. go. Qed.

(* First section: from the host to the VM, mapped nowhere. *)
Definition donate_take (vm ipa pa : Z) (s : state) : res (Z * state) :=
  let i := page_record s pa in
  pre nth_vm vm && regions_ok s && word64 pa in
  let* (r, s) := s_donate_check [vm; ipa; pa] s in
  if negb (r =? 0) then Ok (r, s) else
  let* (_, s) := s_host_unmap [pa] s in
  pre held s && record_ok s i in
  Ok (0, record "icache_inval" [] (record "dcache_clean_inval_page" [pa]
           (bump "pages_vm" 64 0 1 (bump "vm_pages" 64 vm 1 (setcell "page_owner" i vm s))))).
Definition s_donate_take : prim state := fun args s =>
  match args with [vm; ipa; pa] => donate_take vm ipa pa s | _ => Stuck end.
Lemma donate_take_ok : meets (run (add L_host "donate_check" s_donate_check) f_donate_take) s_donate_take.
Proof.
  spec_open. unfold donate_take, record_ok, nr_pages, nth_vm, L_host. consts. start f_donate_take. spec_head. go.
Qed.

(* Second section: map it, or give it back. *)
Definition donate_map (vm ipa pa : Z) (s : state) : res (Z * state) :=
  let ready := cell s "vm_state" vm =? VM_READY in
  let* (level, s) := h_s2_level [vm; ipa] s in
  let* (pte, s) := h_s2_load [vm; ipa; level] s in
  if negb ready || negb (level =? 3) || valid pte then
    let* (_, s) := s_page_reclaim [vm; pa] s in Ok ((if negb ready then KCORE_ESTATE else KCORE_EBUSY), s)
  else let* (_, s) := h_s2_set [vm; ipa; 3; leaf_word pa HOST_DRAM 3] s in Ok (0, s).
Definition s_donate_map : prim state := fun args s =>
  match args with [vm; ipa; pa] => pre nth_vm vm in donate_map vm ipa pa s | _ => Stuck end.
Lemma donate_map_ok : meets (run (add L1 "page_reclaim" s_page_reclaim) f_donate_map) s_donate_map.
Proof.
  spec_open. unfold donate_map, valid, HOST_DRAM, HOST_DEVICE. consts. start f_donate_map. go.
Qed.

Definition s_hc_vm_donate : prim state := fun args s =>
  match args with
  | [vm; ipa; pa] =>
      if (vm =? HOST) || (KCORE_NR_VMS <=? vm) || negb (paged (Z.lor ipa pa)) || (IPA_END <=? ipa) then Ok (KCORE_EINVAL, s) else
      let* (r, s) := section (s_donate_take [vm; ipa; pa]) s in
      if negb (r =? 0) then Ok (r, s) else section (s_donate_map [vm; ipa; pa]) s
  | _ => Stuck
  end.
Lemma hc_vm_donate_ok :
  meets (run (add (add L1 "donate_take" s_donate_take) "donate_map" s_donate_map) f_hc_vm_donate) s_hc_vm_donate.
Proof. spec_open. unfold section, paged. consts. start f_hc_vm_donate. go. Qed.

(* A leaf that is gone: the VM's own page goes back, the host's pages are mapped once less. *)
Definition leaf_release (vm pte level : Z) (s : state) : res (Z * state) :=
  let pa := Z.land pte PTE_ADDRESS in
  let i := page_record s pa in
  pre negb (cell s "vm_type" vm =? KCORE_VM_PROTECTED) || record_ok s i in
  if (cell s "vm_type" vm =? KCORE_VM_PROTECTED) && (cell s "page_owner" i =? vm)
  then let* (_, s) := s_page_reclaim [vm; pa] s in Ok (0, s) else
  let* (_, s) := (if negb (i =? NO_PAGE) then s_pages_map (-1) [i; covers level / PAGE_BYTES] s else Ok (0, s)) in
  pre held s in Ok (0, bump "vm_pages" 64 vm (-1) s).
Definition s_leaf_release : prim state := fun args s =>
  match args with
  | [vm; pte; level] => pre nth_vm vm && regions_ok s && word64 (Z.land pte PTE_ADDRESS) in leaf_release vm pte level s
  | _ => Stuck
  end.
Lemma leaf_release_ok :
  meets (run (add (add (add L1 "page_index" s_page_index) "pages_map_sub" (s_pages_map (-1))) "page_reclaim" s_page_reclaim)
    f_leaf_release) s_leaf_release.
Proof. spec_open. unfold leaf_release, record_ok, nr_pages. consts. start f_leaf_release. go. Qed.

(* Result 1: there was a leaf. *)
Definition s_leaf_drop : prim state := fun args s =>
  match args with
  | [vm; ipa; level] =>
      let* (pte, s) := h_s2_clear [vm; ipa; level] s in
      if Z.land pte PTE_VALID =? 0 then Ok (0, s) else
      let* (_, s) := s_leaf_release [vm; pte; level] s in Ok (1, s)
  | _ => Stuck
  end.
Lemma leaf_drop_ok : meets (run (add L1 "leaf_release" s_leaf_release) f_leaf_drop) s_leaf_drop.
Proof. spec_open. consts. start f_leaf_drop. go. Qed.

(* The tables whose last entry the IPA was. *)
Definition s_reap_tables : prim state := fun args s =>
  match args with
  | [vm; level; last; next] =>
      let* (_, s) := (if (level =? 3) && (Z.land next (BLOCK_BYTES - 1) =? 0) then h_s2_free_table [vm; last; 2] s else Ok (0, s)) in
      if (2 <=? level) && (Z.land next (GIB - 1) =? 0) then let* (_, s) := h_s2_free_table [vm; last; 1] s in Ok (0, s)
      else Ok (0, s)
  | _ => Stuck
  end.
Lemma reap_tables_ok : meets (run L1 f_reap_tables) s_reap_tables.
Proof. spec_open. consts. start f_reap_tables. go. Qed.

Definition REAP_DONE : Z := 2.
Definition REAP_WAIT : Z := 3.
Definition reap_entry (vm : Z) (s : state) : res (Z * state) :=
  let ipa := cell s "vm_cursor" vm in
  if negb (cell s "vm_state" vm =? VM_DYING) then Ok (REAP_DONE, s) else
  if IPA_END <=? ipa then Ok ((if negb (cell s "vm_pages" vm =? 0) then REAP_WAIT else REAP_DONE), s) else
  let* (level, s) := h_s2_level [vm; ipa] s in
  let next := wrap U64 (ipa + covers level) in
  let* (r, s) := s_leaf_drop [vm; ipa; level] s in
  let* (_, s) := s_reap_tables [vm; level; ipa; next] s in
  pre held s in Ok (r, put64 "vm_cursor" vm next s).
Definition s_reap_entry : prim state := fun args s =>
  match args with [vm] => pre nth_vm vm in reap_entry vm s | _ => Stuck end.
Lemma reap_entry_ok : meets (run (add (add L1 "leaf_drop" s_leaf_drop) "reap_tables" s_reap_tables) f_reap_entry) s_reap_entry.
Proof. spec_open. unfold reap_entry, REAP_DONE, REAP_WAIT. consts. start f_reap_entry. go. Qed.

(* The cursor passes over invalid entries. *)
Definition reap_pass (vm : Z) (s : state) : res (Z * state) :=
  let ipa := cell s "vm_cursor" vm in
  if ipa <? IPA_END then
    let* (level, s) := h_s2_level [vm; ipa] s in
    let* (n, s) := h_s2_vacant [vm; ipa; level] s in
    pre held s in Ok (0, put64 "vm_cursor" vm (wrap U64 (ipa + wrap U64 (n * covers level))) s)
  else Ok (0, s).
Definition s_reap_pass : prim state := fun args s =>
  match args with [vm] => pre nth_vm vm in reap_pass vm s | _ => Stuck end.
Lemma reap_pass_ok : meets (run L1 f_reap_pass) s_reap_pass.
Proof. spec_open. unfold reap_pass. consts. start f_reap_pass. go. Qed.

Definition reap_one (vm : Z) (s : state) : res (Z * state) :=
  let* (r, s) := s_reap_entry [vm] s in
  if r =? 0 then let* (_, s) := s_reap_pass [vm] s in Ok (r, s) else Ok (r, s).
Definition s_vm_reap_one : prim state := fun args s =>
  match args with [vm] => section (reap_one vm) s | _ => Stuck end.
Lemma vm_reap_one_ok :
  meets (run (add (add L1 "reap_entry" s_reap_entry) "reap_pass" s_reap_pass) f_vm_reap_one) s_vm_reap_one.
Proof. spec_open. unfold section, reap_one. start f_vm_reap_one. go. Qed.

Definition transfer_specs : list (string * prim state) := [
  ("page_scrub", s_page_scrub); ("page_reclaim", s_page_reclaim); ("donate_check", s_donate_check);
  ("donate_take", s_donate_take); ("donate_map", s_donate_map); ("hc_vm_donate", s_hc_vm_donate);
  ("leaf_release", s_leaf_release); ("leaf_drop", s_leaf_drop); ("reap_tables", s_reap_tables);
  ("reap_entry", s_reap_entry); ("reap_pass", s_reap_pass); ("vm_reap_one", s_vm_reap_one)].

(* transfer.c over what it calls. *)
Definition L_transfer : layer state := extend (extend (extend L1 region_specs) owner_specs) host_specs.
Theorem transfer_refines : refines eq m_transfer L_transfer (extend L_transfer transfer_specs).
Proof.
  apply module_meets. module_step page_scrub_ok. module_step page_reclaim_ok. module_step donate_check_ok.
  module_step donate_take_ok. module_step donate_map_ok. module_step hc_vm_donate_ok. module_step leaf_release_ok.
  module_step leaf_drop_ok. module_step reap_tables_ok. module_step reap_entry_ok. module_step reap_pass_ok.
  module_step vm_reap_one_ok. exact I.
Qed.
