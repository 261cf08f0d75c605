(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The host's calls over maps, section by section as in common-core/core: the same checks in the same order, the same results.
 * A section sees the bookkeeping only, and says what is to be done to contents ([effect]); so what it decides can't
 * depend on contents.  [o_ok] is false where the core would be wrong: a count below zero, a page without a record.
 *)
From KCore Require Export top.State lang.Leading.

Inductive effect :=
| Scrub (p : Z)                     (* zero the page *)
| Show (p : Z)                      (* the page becomes visible: its words, and there are no others *)
| Boot (w pg : Z)                   (* x0..x3, pc, cntvoff of the shared page into the context *)
| Reset (w : Z)                     (* a fresh context, a fresh virtual GIC *)
| FpSave (c w : Z)                  (* FP registers to the context, then cleared *)
| FpSaveShared (c pg : Z)           (* the same to the shared page: normal VM *)
| VgicLoad (c w pg : Z)             (* the vCPU is loaded: VMCR and active priorities from the shared page *)
| VgicSave (c w pg : Z)             (* and back *)
| IoLoad (w pg : Z) (wide : bool)   (* it runs, in AArch64 whatever the page says if wide: wishes, list registers, registers of AArch32 from the shared page *)
| IoSave (w pg : Z) (disr : bool)   (* and back, with the syndrome of an SError that the guest deferred *)
| PageWrite (pg : Z) (l : list (Z * Z))
| HostX (c n x : Z)                 (* the host's register *)
| HostIo (c n w k : Z).             (* the same, from the virtual GIC of a vCPU *)

Record out := mkout { o_pub : pub; o_eff : list effect; o_ok : bool }.

Section Hyper.
Context {cfg : config}.

Definition is (a b : Z) : bool := a =? b.

(* ------------------------------------------------------------------ pool.c, s2map.c, walk.c *)

Definition pool_alloc (v : Z) (s : pub) : option pub :=
  let free := cnt s KCORE_STAT_pool_free in
  let kept := cnt s N_RESERVE in
  if (free =? 0) || (negb (v =? HOST) && (free <=? kept)) then None else
  let s := add_cnt KCORE_STAT_pool_free (-1) s in
  let s := if (v =? HOST) && (0 <? kept) then add_cnt N_RESERVE (-1) s else s in
  Some (change_vm v (fun r => vm_with_tables (v_tables r + 1) r) s).
Definition pool_give (v : Z) (s : pub) : pub :=
  change_vm v (fun r => vm_with_tables (v_tables r - 1) r) (add_cnt KCORE_STAT_pool_free 1 s).

Definition s2_level (s : pub) (v i : Z) : Z :=
  if s1 s v (i / 262144) then if tab s v (i / 512) then 3 else 2 else 1.
Definition level_pages (level : Z) : Z := if level =? 3 then 1 else if level =? 2 then 512 else 262144.
Definition level_place (level i : Z) : place := if level =? 3 then Page i else Block (i / 512).
Definition leaf_over (s : pub) (v i : Z) : option leaf :=
  let level := s2_level s v i in
  if level =? 1 then None else lf s v (level_place level i).

(* Tables down to the level; they may be there, or be taken, and then something else fails. *)
Inductive prepared := Fail (r : Z) (s : pub) | Go (s : pub).

Definition s2_prepare3 (v i : Z) (s : pub) : prepared :=
  if tab s v (i / 512) then Go s else
  match lf s v (Block (i / 512)), pool_alloc v s with
  | Some _, _ => Fail KCORE_EBUSY s
  | None, None => Fail KCORE_ENOMEM s
  | None, Some s => Go (set_tab (upd2 (tab s) v (i / 512) true) s)
  end.
Definition s2_prepare (v i level : Z) (s : pub) : prepared :=
  let next s := if level =? 3 then s2_prepare3 v i s else Go s in
  if s1 s v (i / 262144) then next s else
  match pool_alloc v s with
  | None => Fail KCORE_ENOMEM s
  | Some s => next (set_s1 (upd2 (s1 s) v (i / 262144) true) s)
  end.

(* The table of 512 pages over the IPA, or the one of 512 blocks. *)
Definition s2_free_table (v i level : Z) (s : pub) : pub :=
  let s := pool_give v s in
  if level =? 2 then
    set_tab (upd2 (tab s) v (i / 512) false)
      (set_lf (fun j x => match x with Page k => if (j =? v) && (k / 512 =? i / 512) then None else lf s j x
                                     | _ => lf s j x end) s)
  else
    set_s1 (upd2 (s1 s) v (i / 262144) false)
      (set_tab (fun j b => if (j =? v) && (b / 512 =? i / 262144) then false else tab s j b)
        (set_lf (fun j x => if (j =? v) && (first_of x / 262144 =? i / 262144) then None else lf s j x) s)).

(* The block over the page becomes 512 pages with the same translation. *)
Definition s2_split (v p : Z) (l : leaf) (s : pub) : prepared :=
  match pool_alloc v s with
  | None => Fail KCORE_ENOMEM s
  | Some s =>
      Go (set_tab (upd2 (tab s) v (p / 512) true)
        (set_lf (fun j x =>
          if j =? v then
            match x with
            | Block b => if b =? p / 512 then None else lf s j x
            | Page i => if i / 512 =? p / 512 then Some (mkleaf (l_page l + i mod 512) (l_prot l)) else lf s j x
            end
          else lf s j x) s))
  end.

(* ------------------------------------------------------------------ owner.c *)

Definition maps_add (p n d : Z) (s : pub) : pub :=
  set_maps (fun q => if inside q p n then maps s q + d else maps s q) s.
Definition maps_positive (p : Z) (n : nat) (s : pub) : bool := forallb (fun q => 1 <=? maps s q) (range p n).
Definition all_host_owned (p : Z) (n : nat) (s : pub) : bool := forallb (fun q => owner s q =? OWNER_HOST) (range p n).
Definition nat_pages (n : Z) : nat := if n =? 1 then 1%nat else 512%nat.

(* ------------------------------------------------------------------ host.c *)

Definition block_whole (i : Z) (s : pub) : bool :=
  let b := i / 512 * 512 in
  if in_dram b 512 then all_host_owned b 512 s
  else forallb (fun q => negb (dram q)) (range b 512) && forallb (fun q => negb (denied q)) (range b 512).

Definition host_prot (i : Z) : Z := if dram i then 7 else 3.

Definition host_map (i : Z) (s : pub) : prepared :=
  if negb (host_ok s i) then Fail KCORE_EPERM s else
  match s2_prepare HOST i 2 s with
  | Fail r s => Fail r s
  | Go s =>
      let level := if s2_level s HOST i =? 2 then if block_whole i s then 2 else 3 else 3 in
      match s2_prepare HOST i level s with
      | Fail r s => Fail r s
      | Go s => Go (if level =? 2 then set_leaf HOST (Block (i / 512)) (Some (mkleaf (i / 512 * 512) (host_prot i))) s
                    else set_leaf HOST (Page i) (Some (mkleaf i (host_prot i))) s)
      end
  end.

(* true: the host may try again *)
Definition host_fault (i : Z) (translation : bool) (s : pub) : bool * pub :=
  if negb translation || (i <? 0) || (268435456 <=? i) then (false, s) else
  match leaf_over s HOST i with
  | Some _ => (true, s)
  | None => match host_map i s with Fail _ s => (false, s) | Go s => (true, s) end
  end.

Definition host_prepare_unmap (p : Z) (s : pub) : prepared :=
  if s2_level s HOST p =? 2 then
    match lf s HOST (Block (p / 512)) with Some l => s2_split HOST p l s | None => Go s end
  else Go s.
Definition host_unmap (p : Z) (s : pub) : pub :=
  if s2_level s HOST p =? 3 then set_leaf HOST (Page p) None s else s.

(* ------------------------------------------------------------------ end of a call *)

Definition has_error (r : Z) : bool := KCORE_ERR_MIN <=? r.
Definition set_call (c : Z) (k : call) (s : pub) : pub := change_cpu c (cpu_with_call k) s.
Definition finish (c r : Z) (e : list effect) (ok : bool) (s : pub) : out :=
  let s := add_stat c KCORE_STAT_host_call (set_call c CNone s) in
  mkout (if has_error r then add_stat c KCORE_STAT_host_call_error s else s) (e ++ [HostX c 0 r]) ok.
Definition done (c r : Z) (s : pub) : out := finish c r [] true s.
Definition proceed (c : Z) (k : call) (e : list effect) (ok : bool) (s : pub) : out := mkout (set_call c k s) e ok.

(* ------------------------------------------------------------------ transfer.c *)

Definition reclaim_effect (p : Z) : list effect := if ensure CheckScrub false then [] else [Scrub p].
Definition reclaim (v p : Z) (s : pub) : pub :=
  add_cnt KCORE_STAT_pages_scrubbed 1 (add_cnt KCORE_STAT_pages_vm (-1)
    (change_vm v (fun r => vm_with_pages (v_pages r - 1) r) (set_owner (upd (owner s) p OWNER_HOST) s))).
Definition reclaim_ok (v p : Z) (s : pub) : bool := dram p && (owner s p =? v) && (1 <=? v_pages (vm s v)).

(* Section 1: from the host to the VM, mapped nowhere. *)
Definition donate_take (c v i p : Z) (s : pub) : out :=
  let r := vm s v in
  if is (v_state r) VM_FREE then done c KCORE_EINVAL s else
  if negb (is (v_state r) VM_READY) || negb (is (v_type r) KCORE_VM_PROTECTED) then done c KCORE_ESTATE s else
  if (i * PAGE_BYTES <? v_base r) || (v_end r <=? i * PAGE_BYTES) then done c KCORE_EINVAL s else
  if negb (dram p) then done c KCORE_EPERM s else
  if negb (ensure CheckOwner (is (owner s p) OWNER_HOST)) then done c KCORE_EPERM s else
  if negb (ensure CheckMaps (is (maps s p) 0)) then done c KCORE_EBUSY s else
  match s2_prepare v i 3 s with
  | Fail r s => done c r s
  | Go s =>
      match lf s v (Page i) with
      | Some _ => done c KCORE_EBUSY s
      | None =>
          match host_prepare_unmap p s with
          | Fail r s => done c r s
          | Go s =>
              let s := host_unmap p s in
              let s := set_owner (upd (owner s) p v) s in
              let s := change_vm v (fun r => vm_with_pages (v_pages r + 1) r) s in
              proceed c (CDonate v i p) [] true (add_cnt KCORE_STAT_pages_vm 1 s)
          end
      end
  end.

(* Section 2: map it, or give it back. *)
Definition donate_map (c v i p : Z) (s : pub) : out :=
  let ready := is (v_state (vm s v)) VM_READY in
  let free := match lf s v (Page i) with None => true | _ => false end in
  if negb ready || negb (s2_level s v i =? 3) || negb free then
    finish c (if negb ready then KCORE_ESTATE else KCORE_EBUSY) (reclaim_effect p) (reclaim_ok v p s) (reclaim v p s)
  else done c 0 (set_leaf v (Page i) (Some (mkleaf p 7)) s).

(* The leaf over the IPA goes, and its pages are accounted for: (was there one, state, effects, ok). *)
Definition leaf_drop (v i level : Z) (s : pub) : bool * pub * list effect * bool :=
  if level =? 1 then (false, s, [], true) else
  let x := level_place level i in
  match lf s v x with
  | None => (false, s, [], true)
  | Some l =>
      let t := set_leaf v x None s in
      if is (v_type (vm s v)) KCORE_VM_PROTECTED && (owner s (l_page l) =? v) then
        (true, reclaim v (l_page l) t, reclaim_effect (l_page l), reclaim_ok v (l_page l) t)
      else
        let n := pages_of x in
        let ram := dram (l_page l) in
        let u := if ram then maps_add (l_page l) n (-1) t else t in
        (true, change_vm v (fun r => vm_with_pages (v_pages r - 1) r) u, [],
         (negb ram || maps_positive (l_page l) (nat_pages n) s) && (1 <=? v_pages (vm s v)))
  end.

(* share.c: a guest's page becomes the host's and stays mapped, once; or it is taken back, if nobody else maps it; or the page is given up.
   None: there is no page yet, and a share needs one.  Else: was it granted, and the bookkeeping afterwards. *)
Definition share (p : Z) (s : pub) : pub :=
  add_cnt KCORE_STAT_pages_vm (-1) (maps_add p 1 1 (set_owner (upd (owner s) p OWNER_HOST) s)).
Definition unshare (v p : Z) (s : pub) : pub :=
  add_cnt KCORE_STAT_pages_vm 1 (maps_add p 1 (-1) (set_owner (upd (owner s) p v) s)).
Definition take_back (v p : Z) (s : pub) : bool * pub :=
  if negb (ensure CheckUnshare (is (maps s p) 1)) then (false, s) else
  match host_prepare_unmap p s with
  | Fail _ s => (false, s)
  | Go s => (true, unshare v p (host_unmap p s))
  end.
Definition mem_call (v : Z) (k : ask) (i : Z) (s : pub) : option (bool * pub * list effect) :=
  match leaf_over s v i with
  | None => match k with Share => None | Unshare => Some (false, s, []) | Relinquish => Some (true, s, []) end
  | Some l =>
      let p := l_page l in
      match k with
      | Share => if is (owner s p) v then Some (true, share p s, [Show p]) else Some (false, s, [])
      | Unshare => if is (owner s p) v then Some (false, s, []) else Some (take_back v p s, [])
      | Relinquish => match leaf_drop v i (s2_level s v i) s with (_, t, e, _) => Some (true, t, e) end
      end
  end.

Definition reap_tables (v level i next : Z) (s : pub) : pub :=
  let s := if (level =? 3) && (next mod 512 =? 0) then s2_free_table v i 2 s else s in
  if (2 <=? level) && (next mod 262144 =? 0) then s2_free_table v i 1 s else s.

Definition IPA_PAGES : Z := 268435456.

(* One entry of a dying VM: (1 a leaf went back, 0 nothing there, 2 the end, 3 a donation is on its way back). *)
Definition reap_entry (v : Z) (s : pub) : Z * pub * list effect * bool :=
  let i := v_cursor (vm s v) in
  if is (v_state (vm s v)) VM_DYING && (i <? IPA_PAGES) then
    let level := s2_level s v i in
    let next := i + level_pages level in
    match leaf_drop v i level s with
    | (was, s, e, ok) =>
        let s := reap_tables v level i next s in
        (if was then 1 else 0, change_vm v (vm_with_cursor next) s, e, ok)
    end
  else (if is (v_state (vm s v)) VM_DYING && negb (v_pages (vm s v) =? 0) then 3 else 2, s, [], true).

(* The cursor passes over entries without a table and a leaf, to the end of their group at most. *)
Definition vacant (s : pub) (v level n : Z) : bool :=
  if level =? 1 then negb (s1 s v n)
  else let x := if level =? 2 then Block n else Page n in
       negb ((level =? 2) && tab s v n) && match lf s v x with None => true | _ => false end.
Definition group_behind (n : Z) : nat := Z.to_nat (PTE_GROUP - 1 - n mod PTE_GROUP).
Definition passed (s : pub) (v i : Z) : Z :=
  let level := s2_level s v i in
  let n := i / level_pages level in
  leading (fun k => vacant s v level (n + k)) 0 (group_behind n) * level_pages level.
Definition reap_pass (v : Z) (s : pub) : pub :=
  let i := v_cursor (vm s v) in
  if i <? IPA_PAGES then change_vm v (vm_with_cursor (i + passed s v i)) s else s.

(* One section. *)
Definition reap_one (v : Z) (s : pub) : Z * pub * list effect * bool :=
  match reap_entry v s with (r, s, e, ok) => (r, if r =? 0 then reap_pass v s else s, e, ok) end.

(* ------------------------------------------------------------------ range.c *)

Definition normal_check (s : pub) (v : Z) : Z :=
  let r := vm s v in
  if is (v_state r) VM_FREE then KCORE_EINVAL else
  if is (v_state r) VM_DYING || negb (is (v_type r) KCORE_VM_NORMAL) then KCORE_ESTATE else 0.

Definition map_check (p : Z) (n : nat) (prot : Z) (s : pub) : Z :=
  if in_dram p n then
    if device prot then KCORE_EINVAL else if all_host_owned p n s then 0 else KCORE_EPERM
  else if negb (forallb (fun q => negb (dram q)) (range p n)) then KCORE_EPERM else
  if negb (device prot) then KCORE_EINVAL else
  if forallb (fun q => negb (denied q)) (range p n) then 0 else KCORE_EPERM.

Definition table_empty (v i : Z) (s : pub) : bool :=
  forallb (fun k => match lf s v (Page k) with None => true | _ => false end) (range (i / 512 * 512) 512).

Definition map_prepare (v i level : Z) (s : pub) : prepared :=
  match s2_prepare v i level s with
  | Fail r s => Fail (if r =? KCORE_EBUSY then KCORE_EAGAIN else r) s
  | Go s =>
      if (level =? 2) && (s2_level s v i =? 3) && negb (table_empty v i s) then Fail KCORE_EAGAIN s else
      let s := if (level =? 2) && (s2_level s v i =? 3) then s2_free_table v i 2 s else s in
      match lf s v (level_place level i) with Some _ => Fail KCORE_EAGAIN s | None => Go s end
  end.

Definition map_leaf (v i p level prot : Z) (s : pub) : Z * pub :=
  let n := if level =? 3 then 1%nat else 512%nat in
  let r := normal_check s v in
  if negb (r =? 0) then (r, s) else
  let r := map_check p n prot s in
  if negb (r =? 0) then (r, s) else
  match map_prepare v i level s with
  | Fail r s => (r, s)
  | Go s =>
      let s := if in_dram p n then maps_add p (level_pages level) 1 s else s in
      let s := change_vm v (fun r => vm_with_pages (v_pages r + 1) r) s in
      (0, set_leaf v (level_place level i) (Some (mkleaf p prot)) s)
  end.

(* One section: (error or 0, pages that the entry covers, was there a leaf, ...). *)
Definition range_drop (v i : Z) (s : pub) : Z * Z * bool * pub * list effect * bool :=
  let r := normal_check s v in
  if negb (r =? 0) then (r, 0, false, s, [], true) else
  let level := s2_level s v i in
  match leaf_drop v i level s with (was, t, e, ok) => (0, level_pages level, was, t, e, ok) end.

Definition round_down (i n : Z) : Z := i / n * n.
Definition RANGE_STEPS : Z := 1024.

Definition go_clear (c v i p n prot at_ k : Z) (s : pub) : out :=
  match range_drop v at_ s with
  | (r, m, was, t, e, ok) =>
      if negb (r =? 0) then finish c r e ok t else
      let at_ := round_down at_ m + m in
      if (i + n <=? at_) || (511 <=? k) then proceed c (CLeaf v i p n prot false) e ok t
      else proceed c (CClear v i p n prot at_ (k + 1)) e ok t
  end.
Definition go_leaf (c v i p n prot : Z) (first : bool) (s : pub) : out :=
  match map_leaf v i p (if n =? 1 then 3 else 2) prot s with
  | (r, t) => if first && (r =? KCORE_EAGAIN) then proceed c (CClear v i p n prot i 0) [] true t else done c r t
  end.

Definition go_unmap (c v at_ fin dropped k : Z) (age : bool) (s : pub) : out :=
  match range_drop v at_ s with
  | (r, m, was, t, e, ok) =>
      if negb (r =? 0) then finish c r e ok t else
      let dropped := if was then 1 else dropped in
      let at_ := round_down at_ m + m in
      let e := e ++ [HostX c 1 (at_ * PAGE_BYTES)] in
      if fin <=? at_ then finish c (if age then dropped else 0) e ok t else
      if RANGE_STEPS - 1 <=? k then finish c KCORE_EAGAIN e ok t else
      proceed c (CUnmap v at_ fin dropped (k + 1) age) e ok t
  end.

Definition protect_next (c v at_ fin k m : Z) (e : list effect) (ok : bool) (s : pub) : out :=
  let at_ := round_down at_ m + m in
  let e := e ++ [HostX c 1 (at_ * PAGE_BYTES)] in
  if fin <=? at_ then finish c 0 e ok s else
  if RANGE_STEPS - 1 <=? k then finish c KCORE_EAGAIN e ok s else
  proceed c (CProtect v at_ fin (k + 1)) e ok s.
Definition go_protect (c v at_ fin k : Z) (s : pub) : out :=
  let r := normal_check s v in
  if negb (r =? 0) then done c r s else
  let level := s2_level s v at_ in
  match leaf_over s v at_ with
  | Some l => if writable (l_prot l) then proceed c (CProtectDrop v at_ fin k l (level =? 2)) [] true s
              else protect_next c v at_ fin k (level_pages level) [] true s
  | None => protect_next c v at_ fin k (level_pages level) [] true s
  end.
Definition go_protect_drop (c v at_ fin k : Z) (l : leaf) (block : bool) (s : pub) : out :=
  match range_drop v at_ s with
  | (r, _, _, t, e, ok) =>
      if negb (r =? 0) then finish c r e ok t else proceed c (CProtectMap v at_ fin k l block) e ok t
  end.
Definition go_protect_map (c v at_ fin k : Z) (l : leaf) (block : bool) (s : pub) : out :=
  let level := if block then 2 else 3 in
  match map_leaf v (round_down at_ (level_pages level)) (l_page l) level (Z.ldiff (l_prot l) KCORE_PROT_W) s with
  | (r, t) => if r =? KCORE_EAGAIN then done c r t else protect_next c v at_ fin k (level_pages level) [] true t
  end.

Definition page_state (a : Z) (s : pub) : Z :=
  let p := a / PAGE_BYTES in
  if negb (a mod PAGE_BYTES =? 0) || (IPA_END <=? a) then KCORE_EINVAL else
  if negb (dram p) then KCORE_PAGE_NOT_DRAM else
  if owner s p =? OWNER_CORE then KCORE_PAGE_CORE else
  if negb (owner s p =? OWNER_HOST) then KCORE_PAGE_VM else
  if maps s p =? 0 then KCORE_PAGE_HOST else KCORE_PAGE_MAPPED.

(* ------------------------------------------------------------------ vm.c *)

Definition find_free (s : pub) : option Z := find (fun v => is (v_state (vm s v)) VM_FREE) (range 1 255).

Definition vm_create (c type : Z) (s : pub) : out :=
  if negb (is type KCORE_VM_NORMAL) && negb (is type KCORE_VM_PROTECTED) then done c KCORE_EINVAL s else
  match find_free s with
  | None => done c KCORE_ENOMEM s
  | Some v =>
      let r := vm s v in
      let s := set_vm v (mkvm VM_NEW type (v_vcpus r) (v_loaded r) (v_pages r) (v_tables r) 0 0 0 []) s in
      done c v (add_log LOG_VM_CREATE v type (add_cnt KCORE_STAT_vms 1 s))
  end.

(* sign: it has to be signed, and doesn't run before that. *)
Definition vm_finalise (c v a bytes : Z) (sign : bool) (s : pub) : out :=
  let r := vm s v in
  if negb (alive s v) then done c KCORE_EINVAL s else
  if negb (is (v_state r) VM_NEW) || sign && negb (is (v_type r) KCORE_VM_PROTECTED) then done c KCORE_ESTATE s else
  if is (v_type r) KCORE_VM_PROTECTED then
    if negb sign && negb (is (info c KCORE_INFO_SIGNED_ONLY) 0) then done c KCORE_EPERM s else
    if negb (a mod PAGE_BYTES =? 0) || negb (bytes mod PAGE_BYTES =? 0) || (IPA_END <=? a) || (bytes =? 0)
       || (IPA_END - a <? bytes) then done c KCORE_EINVAL s else
    let w := v * KCORE_VM_VCPUS in
    if is (c_state (vcpu s w)) VCPU_FREE then done c KCORE_ESTATE s else
    let t := change_vm v (fun r => vm_with_state VM_READY (vm_with_range a (a + bytes) r)) s in
    finish c 0 [Boot w (c_page (vcpu s w))] true (change_vcpu w (if sign then vcpu_with_pending PENDING_START 0 else vcpu_with_power POWER_ON) t)
  else done c 0 (change_vm v (vm_with_state VM_READY) s).

Definition destroy_begin (c v : Z) (s : pub) : out :=
  if negb (alive s v) then done c KCORE_EINVAL s else
  if negb (is (v_loaded (vm s v)) 0) then done c KCORE_EBUSY s else
  done c 0 (change_vm v (vm_with_state VM_DYING) s).

Definition dying_check (s : pub) (v : Z) : Z :=
  if negb (alive s v) then KCORE_EINVAL else if is (v_state (vm s v)) VM_DYING then 0 else KCORE_ESTATE.

Definition DESTROY_SECTIONS : Z := 32.
Definition destroy_step (c v : Z) (s : pub) : out :=
  let r := dying_check s v in
  if negb (r =? 0) then done c r s else proceed c (CReap v 0 0) [] true s.
Definition go_reap (c v got k : Z) (s : pub) : out :=
  match reap_one v s with
  | (r, s, e, ok) =>
      if r =? 2 then finish c 0 e ok s else
      if r =? 3 then finish c KCORE_EAGAIN e ok s else
      if (KCORE_STEP_PAGES <=? got + r) || (DESTROY_SECTIONS - 1 <=? k) then finish c KCORE_EAGAIN e ok s else
      proceed c (CReap v (got + r) (k + 1)) e ok s
  end.

Definition destroy_end (c v : Z) (s : pub) : out :=
  let r := dying_check s v in
  if negb (r =? 0) then done c r s else
  let m := vm s v in
  if (v_cursor m <? IPA_PAGES) || negb (is (v_vcpus m) 0) || negb (is (v_pages m) 0) || negb (is (v_tables m) 0)
  then done c KCORE_EBUSY s else
  done c 0 (add_log LOG_VM_DESTROY v 0 (add_cnt KCORE_STAT_vms (-1) (change_vm v (vm_with_state VM_FREE) s))).

(* ------------------------------------------------------------------ auth.c *)

(* A VM that waits for its signature. *)
Definition waits (s : pub) (v : Z) : bool :=
  is (v_state (vm s v)) VM_READY && is (v_type (vm s v)) KCORE_VM_PROTECTED && is (c_pending (vcpu s (v * KCORE_VM_VCPUS))) PENDING_START.
Definition start_check (s : pub) (v : Z) : Z := if negb (alive s v) then KCORE_EINVAL else if waits s v then 0 else KCORE_ESTATE.

(* What is measured is the machine's; what the host learns is whether the page is there. *)
Definition vm_measure (c v i : Z) (s : pub) : out :=
  let r := start_check s v in
  if negb (r =? 0) then done c r s else
  match lf s v (Page i) with Some _ => done c 0 s | None => done c KCORE_EINVAL s end.

(* good: the measurement is signed by one of the keys. *)
Definition vm_start (c v : Z) (good : bool) (s : pub) : out :=
  let r := start_check s v in
  if negb (r =? 0) then done c r s else
  if negb (is (v_loaded (vm s v)) 0) then done c KCORE_EBUSY s else
  let w := v * KCORE_VM_VCPUS in
  if good then done c 0 (change_vcpu w (vcpu_with_power POWER_ON) (change_vcpu w (vcpu_with_pending PENDING_NONE 0) s))
  else done c KCORE_EPERM (change_vm v (vm_with_state VM_DYING) s).

(* A protected VM that may run; good: the machine has a key to sign with. *)
Definition quote_result (v : Z) (good : bool) (s : pub) : Z :=
  if negb (alive s v) then KCORE_EINVAL else
  if negb (is (v_state (vm s v)) VM_READY) || negb (is (v_type (vm s v)) KCORE_VM_PROTECTED) || waits s v then KCORE_ESTATE else
  if good then 0 else KCORE_ENOSYS.

(* ------------------------------------------------------------------ vcpu.c *)

Definition vcpu_exists (s : pub) (w : Z) : bool :=
  (0 <=? w) && (w <? KCORE_NR_VCPUS) && negb (is (c_state (vcpu s w)) VCPU_FREE).

Definition vcpu_create (c v k a : Z) (s : pub) : out :=
  let r := vm s v in
  let w := v * KCORE_VM_VCPUS + k in
  let p := a / PAGE_BYTES in
  let guarded := is (v_type r) KCORE_VM_PROTECTED in
  if negb (alive s v) || (k <? 0) || (KCORE_VM_VCPUS <=? k) || negb (a mod PAGE_BYTES =? 0) then done c KCORE_EINVAL s else
  if is (v_state r) VM_DYING || (guarded && negb (is (v_state r) VM_NEW)) then done c KCORE_ESTATE s else
  if negb (is (c_state (vcpu s w)) VCPU_FREE) then done c KCORE_EBUSY s else
  if negb (dram p) then done c KCORE_EPERM s else
  if negb (is (owner s p) OWNER_HOST) then done c KCORE_EPERM s else
  if negb (is (maps s p) 0) then done c KCORE_EBUSY s else
  match (if guarded then pool_alloc v s else Some s) with
  | None => done c KCORE_ENOMEM s
  | Some s =>
      let s := maps_add p 1 1 s in
      let s := set_vcpu w (mkvcpu VCPU_READY (if guarded then POWER_OFF else POWER_ON) PENDING_NONE 0 p 0) s in
      let s := change_vm v (fun r => vm_with_vcpus (v_vcpus r + 1) r) s in
      finish c w [Reset w] true (add_cnt KCORE_STAT_vcpus 1 s)
  end.

Definition vcpu_destroy (c w : Z) (s : pub) : out :=
  let v := vm_of w in
  let r := vm s v in
  let guarded := is (v_type r) KCORE_VM_PROTECTED in
  let p := c_page (vcpu s w) in
  if negb (vcpu_exists s w) then done c KCORE_EINVAL s else
  if is (c_state (vcpu s w)) VCPU_LOADED then done c KCORE_EBUSY s else
  if guarded && is (v_state r) VM_READY then done c KCORE_ESTATE s else
  let ok := dram p && (1 <=? maps s p) && (1 <=? v_vcpus r) in
  let s := if guarded then pool_give v s else s in
  let s := maps_add p 1 (-1) s in
  let s := change_vcpu w (vcpu_with_state VCPU_FREE 0) s in
  let s := change_vm v (fun r => vm_with_vcpus (v_vcpus r - 1) r) s in
  finish c 0 [Reset w] ok (add_cnt KCORE_STAT_vcpus (-1) s).

Definition vcpu_load (c w : Z) (s : pub) : out :=
  let v := vm_of w in
  if negb (vcpu_exists s w) then done c KCORE_EINVAL s else
  if negb (is (v_state (vm s v)) VM_READY) then done c KCORE_ESTATE s else
  if negb (is (c_state (vcpu s w)) VCPU_READY) || negb (is (u_vcpu (cpu s c)) NO_VCPU) then done c KCORE_EBUSY s else
  let pg := c_page (vcpu s w) in
  let s := change_vcpu w (vcpu_with_state VCPU_LOADED c) s in
  let s := change_cpu c (cpu_with_vcpu w) s in
  finish c 0 [VgicLoad c w pg] true (change_vm v (fun r => vm_with_loaded (v_loaded r + 1) r) s).

(* FP registers of the loaded vCPU, if they are in the machine: to its context, and out of sight. *)
Definition fp_effect (c : Z) (s : pub) : list effect :=
  let w := u_vcpu (cpu s c) in
  if u_fp (cpu s c) then
    if protected s (vm_of w) then if ensure CheckFp false then [] else [FpSave c w]
    else [FpSaveShared c (c_page (vcpu s w))]
  else [].
Definition fp_release (c : Z) (s : pub) : pub := change_cpu c (cpu_with_fp false) s.

Definition vcpu_put (c : Z) (s : pub) : out :=
  let w := u_vcpu (cpu s c) in
  let v := vm_of w in
  if is w NO_VCPU then done c KCORE_ESTATE s else
  let e := fp_effect c s ++ [VgicSave c w (c_page (vcpu s w))] in
  let ok := 1 <=? v_loaded (vm s v) in
  let s := change_cpu c (cpu_with_vcpu NO_VCPU) (fp_release c s) in
  let s := change_vcpu w (vcpu_with_state VCPU_READY 0) s in
  finish c 0 e ok (change_vm v (fun r => vm_with_loaded (v_loaded r - 1) r) s).

(* The virtual GIC's VMCR is the host's to know; bookkeeping only says whose it is. *)
Definition vmcr_read (c : Z) (s : pub) : out :=
  let w := u_vcpu (cpu s c) in
  if is w NO_VCPU || negb gicv3 then done c KCORE_ESTATE s else
  mkout (add_stat c KCORE_STAT_host_call (set_call c CNone s)) [HostIo c 0 w W_VMCR] true.

(* ------------------------------------------------------------------ stats.c, log.c *)

(* There is no clock: time is what the code's clock said (time at EL2, time of an entry). *)
Definition stats_read (id time : Z) (s : pub) : Z :=
  if (id <? 0) || (KCORE_NR_STATS <=? id) then KCORE_EINVAL else
  if is id KCORE_STAT_el2_max then time else
  if existsb (is id) [KCORE_STAT_pages_core; KCORE_STAT_pages_vm; KCORE_STAT_pool_free; KCORE_STAT_pool_total;
                      KCORE_STAT_vms; KCORE_STAT_vcpus; KCORE_STAT_pages_scrubbed] then cnt s id
  else fold_right Z.add 0 (map (fun c => stat s c id) (range 0 64)).

Definition info_read (c which : Z) : Z :=
  if (0 <=? which) && (which <? KCORE_INFO_NR) then info c which else KCORE_EINVAL.

Definition log_read (c seq time : Z) (s : pub) : out :=
  let n := Z.of_nat (length (logged s)) in
  if n <=? seq then done c KCORE_EAGAIN s else
  match (if n - seq <=? LOG_ENTRIES then nth_error (logged s) (Z.to_nat (n - 1 - seq)) else None) with
  | None => done c KCORE_EINVAL s
  | Some (e, a, b) => finish c 0 [HostX c 1 e; HostX c 2 a; HostX c 3 b; HostX c 4 time] true s
  end.

(* ------------------------------------------------------------------ the call table, and the sections that follow *)

Definition bad_page (a : Z) : bool := (a <? 0) || negb (a mod PAGE_BYTES =? 0) || (IPA_END <=? a).
Definition bad_vm (v : Z) : bool := (v <? 1) || (KCORE_NR_VMS <=? v).
Definition range_bad (v a bytes : Z) : bool :=
  bad_vm v || bad_page a || negb (bytes mod PAGE_BYTES =? 0) || (bytes <=? 0) || (IPA_END - a <? bytes).

(* The call table (abi.h) with its arguments; VCPU_RUN is in Guest.v. *)
Inductive request :=
| RVersion | RLoad (w : Z) | RPut | RCreate (type : Z) | RFinalise (v a bytes : Z) (sign : bool) | RBegin (v : Z) | RStep (v : Z) | REnd (v : Z)
| RVcpuCreate (v k a : Z) | RVcpuDestroy (w : Z) | RDonate (v a b : Z) | RMap (v a b bytes prot : Z)
| RUnmap (v a bytes : Z) (age : bool) | RProtect (v a bytes : Z) | RFlush (v : Z) | RStats (id time : Z) | RPageState (a : Z)
| RInfo (which : Z) | RLog (seq time : Z) | RVmcr
(* with what the machine says of the measurement: whether it is signed, a word of it, or whether it could be signed *)
| RMeasure (v a : Z) | RStart (v : Z) (good : bool) | RMeasurement (word : Z) | RQuote (v : Z) (good : bool) | RUnknown.

Definition hcall (c : Z) (r : request) (s : pub) : out :=
  match r with
  | RVersion => done c KCORE_ABI_VERSION s
  | RLoad w => vcpu_load c w s
  | RPut => vcpu_put c s
  | RCreate type => vm_create c type s
  | RFinalise v a bytes sign => vm_finalise c v a bytes sign s
  | RBegin v => destroy_begin c v s
  | RStep v => destroy_step c v s
  | REnd v => destroy_end c v s
  | RVcpuCreate v k a => vcpu_create c v k a s
  | RVcpuDestroy w => vcpu_destroy c w s
  | RDonate v a b =>
      if bad_vm v || bad_page a || negb (b mod PAGE_BYTES =? 0) then done c KCORE_EINVAL s
      else donate_take c v (a / PAGE_BYTES) (b / PAGE_BYTES) s
  | RMap v a b bytes prot =>
      if bad_vm v || (negb (bytes =? PAGE_BYTES) && negb (bytes =? BLOCK_BYTES)) || negb (a mod bytes =? 0)
         || negb (b mod bytes =? 0) || bad_page a || bad_page b || (prot <? 0) || (15 <? prot)
      then done c KCORE_EINVAL s
      else proceed c (CLeaf v (a / PAGE_BYTES) (b / PAGE_BYTES) (bytes / PAGE_BYTES) prot true) [] true s
  | RUnmap v a bytes age =>
      if range_bad v a bytes then done c KCORE_EINVAL s
      else proceed c (CUnmap v (a / PAGE_BYTES) ((a + bytes) / PAGE_BYTES) 0 0 age) [] true s
  | RProtect v a bytes =>
      if range_bad v a bytes then done c KCORE_EINVAL s
      else proceed c (CProtect v (a / PAGE_BYTES) ((a + bytes) / PAGE_BYTES) 0) [HostX c 1 a] true s
  | RFlush v => done c (if bad_vm v then KCORE_EINVAL else 0) s
  | RStats id time => done c (stats_read id time s) s
  | RPageState a => done c (page_state a s) s
  | RInfo which => done c (info_read c which) s
  | RLog seq time => log_read c seq time s
  | RVmcr => vmcr_read c s
  | RMeasure v a => if bad_page a then done c KCORE_EINVAL s else vm_measure c v (a / PAGE_BYTES) s
  | RStart v good => vm_start c v good s
  | RMeasurement word => finish c 0 [HostX c 1 word] true s
  | RQuote v good => done c (quote_result v good s) s
  | RUnknown => done c KCORE_ENOSYS s
  end.

Definition hgo (c : Z) (s : pub) : out :=
  match u_call (cpu s c) with
  | CNone => mkout s [] true
  | CDonate v i p => donate_map c v i p s
  | CClear v i p n prot at_ k => go_clear c v i p n prot at_ k s
  | CLeaf v i p n prot first => go_leaf c v i p n prot first s
  | CUnmap v at_ fin dropped k age => go_unmap c v at_ fin dropped k age s
  | CProtect v at_ fin k => go_protect c v at_ fin k s
  | CProtectDrop v at_ fin k l block => go_protect_drop c v at_ fin k l block s
  | CProtectMap v at_ fin k l block => go_protect_map c v at_ fin k l block s
  | CReap v got k => go_reap c v got k s
  end.
End Hyper.
