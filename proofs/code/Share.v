(* SPDX-License-Identifier: GPL-2.0-only *)
(* share.c: pages that protected guests share with the host, take back, and give up. *)
From KCore Require Import code.Calls code.Host code.Transfer gen.C_share.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The VM's page becomes the host's, mapped once; what memory has of it is what the caches have. *)
Definition page_share (i pa : Z) (s : state) : res (Z * state) :=
  pre held s && record_ok s i in
  let* (_, s) := s_pages_map 1 [i; 1] (setcell "page_owner" i OWNER_HOST (record "dcache_clean_inval_page" [pa] s)) in
  pre held s in Ok (0, bump "pages_vm" 64 0 (-1) s).
Definition s_page_share : prim state := fun args s => match args with [i; pa] => page_share i pa s | _ => Stuck end.
Lemma page_share_ok : meets (run (add L1 "pages_map_add" (s_pages_map 1)) f_page_share) s_page_share.
Proof. spec_open. unfold page_share, record_ok, nr_pages. consts. start f_page_share. spec_head. go. Qed.

(* And back: nobody else maps it, and the host's leaf goes first. *)
Definition page_unshare (vm pa : Z) (s : state) : res (Z * state) :=
  let i := page_record s pa in
  pre nth_vm vm && regions_ok s && word64 pa && record_ok s i in
  if negb (cell s "page_maps" i =? 1) then Ok (KCORE_EBUSY, s) else
  let* (r, s) := s_host_prepare_unmap [pa] s in
  if negb (r =? 0) then Ok (r, s) else
  let* (_, s) := s_host_unmap [pa] s in
  pre held s && record_ok s i in
  let* (_, s) := s_pages_map (-1) [i; 1] (setcell "page_owner" i vm s) in
  pre held s in Ok (0, record "dcache_clean_inval_page" [pa] (bump "pages_vm" 64 0 1 s)).
Definition s_page_unshare : prim state := fun args s => match args with [vm; pa] => page_unshare vm pa s | _ => Stuck end.
Lemma page_unshare_ok : meets (run (add L_host "pages_map_sub" (s_pages_map (-1))) f_page_unshare) s_page_unshare.
Proof. spec_open. unfold page_unshare, record_ok, nr_pages, nth_vm, L_host. consts. start f_page_unshare. spec_head. go. Qed.

(* What a guest asks of a page of its memory, as kcore/core.h numbers it. *)
Definition MEM_SHARE : Z := 0.
Definition MEM_UNSHARE : Z := 1.
Definition MEM_RELINQUISH : Z := 2.
Definition mem_ask (vm ipa ask : Z) (s : state) : res (Z * state) :=
  let* (level, s) := h_s2_level [vm; ipa] s in
  let* (pte, s) := h_s2_load [vm; ipa; level] s in
  if negb (valid pte) then
    Ok ((if ask =? MEM_SHARE then KCORE_EAGAIN else if ask =? MEM_UNSHARE then KCORE_EINVAL else 0), s) else
  if ask =? MEM_RELINQUISH then let* (_, s) := s_leaf_drop [vm; ipa; level] s in Ok (0, s) else
  let pa := Z.land pte PTE_ADDRESS in
  let i := page_record s pa in
  pre regions_ok s && word64 pa && record_ok s i in
  let owner := cell s "page_owner" i in
  if ask =? MEM_UNSHARE then if owner =? vm then Ok (KCORE_EINVAL, s) else s_page_unshare [vm; pa] s else
  if negb (owner =? vm) then Ok (KCORE_EINVAL, s) else
  let* (_, s) := s_page_share [i; pa] s in Ok (0, s).
Definition s_mem_ask : prim state := fun args s => match args with [vm; ipa; ask] => mem_ask vm ipa ask s | _ => Stuck end.
Lemma mem_ask_ok :
  meets (run (add (add (add (add L1 "page_index" s_page_index) "leaf_drop" s_leaf_drop) "page_share" s_page_share)
    "page_unshare" s_page_unshare) f_mem_ask) s_mem_ask.
Proof. spec_open. unfold mem_ask, valid, record_ok, nr_pages, MEM_SHARE, MEM_UNSHARE, MEM_RELINQUISH. consts. start f_mem_ask. go. Qed.

(* A page of the VM's memory, in one section. *)
Definition s_guest_mem : prim state := fun args s =>
  match args with
  | [vm; ipa; ask] => pre nth_vm vm in
      if negb (paged ipa) || (ipa <? cell s "vm_mem_base" vm) || (cell s "vm_mem_end" vm <=? ipa) || (IPA_END <=? ipa)
      then Ok (KCORE_EINVAL, s)
      else section (s_mem_ask [vm; ipa; ask]) s
  | _ => Stuck
  end.
Lemma guest_mem_ok : meets (run (add L1 "mem_ask" s_mem_ask) f_guest_mem) s_guest_mem.
Proof. spec_open. unfold section, paged. consts. start f_guest_mem. go. Qed.

Definition share_specs : list (string * prim state) := [
  ("page_share", s_page_share); ("page_unshare", s_page_unshare); ("mem_ask", s_mem_ask); ("guest_mem", s_guest_mem)].

(* share.c over what it calls. *)
Definition L_share : layer state := extend L_transfer transfer_specs.
Theorem share_refines : refines eq m_share L_share (extend L_share share_specs).
Proof.
  apply module_meets. module_step page_share_ok. module_step page_unshare_ok. module_step mem_ask_ok. module_step guest_mem_ok. exact I.
Qed.
