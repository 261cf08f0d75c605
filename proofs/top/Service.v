(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * The vendor hypervisor service, as a protected guest asks for it by HVC (core/vendor.c; numbers of include/linux/arm-smccc.h, but for KCore's own calls): which call it is, and
 * what is answered by the guest's registers alone.  The rest is the top machine's OMem.
 *)
From KCore Require Import top.Guest.
Local Open Scope Z_scope.

Definition KVM_UID : Z := 0x8600ff01.
Definition KVM_FEATURES : Z := 0x86000000.
Definition KVM_HYP_MEMINFO : Z := 0xc6000002.
Definition KVM_MEM_SHARE : Z := 0xc6000003.
Definition KVM_MEM_UNSHARE : Z := 0xc6000004.
Definition KVM_MEM_RELINQUISH : Z := 0xc6000009.
Definition KVM_MMIO_GUARD : Z := 0xc6000007.

(* What KCORE_HC_VM_MEASUREMENT answers: the word of the VM's own measurement. *)
Definition measurement_words (word : Z) : list (Z * Z) := [(0, 0); (1, word); (2, 0); (3, 0)].

(* What KCORE_HC_VM_QUOTE answers: whether KCore could sign. *)
Definition SMCCC_NOT_SUPPORTED : Z := 0xffffffffffffffff.
Definition quote_words (made : Z) : list (Z * Z) := [(0, if negb (made =? 0) then 0 else SMCCC_NOT_SUPPORTED); (1, 0); (2, 0); (3, 0)].

(* Which call about memory, by the function's number. *)
Definition asked_of (fn : Z) : option ask :=
  if fn =? KVM_MEM_SHARE then Some Share else if fn =? KVM_MEM_UNSHARE then Some Unshare else
  if fn =? KVM_MEM_RELINQUISH then Some Relinquish else None.
(* Arguments that are refused as such: base and end of the VM's memory. *)
Definition refused (base end_ : Z) (R : Z -> Z) : bool :=
  negb (Z.lor (R 2) (R 3) =? 0) || negb (Z.land (R 1) (PAGE_BYTES - 1) =? 0) || (R 1 <? base) || (end_ <=? R 1) || (IPA_END <=? R 1).
Definition guard_refused (base end_ : Z) (R : Z -> Z) : bool :=
  negb (Z.lor (R 2) (R 3) =? 0) || negb (Z.land (R 1) (PAGE_BYTES - 1) =? 0) || ((base <=? R 1) && (R 1 <? end_)) || (IPA_END <=? R 1).
(* What is answered by the registers alone, or with what the machine measured or could sign: x0 to x3. *)
Definition vendor_answer (base end_ word : Z) (R : Z -> Z) : option (list (Z * Z)) :=
  let fn := Z.land (R 0) 0xffffffff in
  if fn =? KVM_UID then Some [(0, 0xb66fb428); (1, 0xe911c52e); (2, 0x564bcaa9); (3, 0x743a004d)] else
  if fn =? KVM_FEATURES then Some [(0, 0x29d); (1, 0); (2, 0); (3, 0)] else
  if fn =? KVM_HYP_MEMINFO then Some [(0, PAGE_BYTES)] else
  if fn =? KCORE_HC_VM_MEASUREMENT then Some (measurement_words word) else
  if fn =? KCORE_HC_VM_QUOTE then Some (quote_words word) else
  if fn =? KVM_MMIO_GUARD then if guard_refused base end_ R then Some [(0, mem_result false)] else None else
  match asked_of fn with Some _ => if refused base end_ R then Some [(0, mem_result false)] else None | None => None end.
(* Which call about which page. *)
Definition memory_ask (base end_ : Z) (R : Z -> Z) : option (ask * Z) :=
  match asked_of (Z.land (R 0) 0xffffffff) with
  | Some k => if refused base end_ R then None else Some (k, R 1 / PAGE_BYTES)
  | None => None
  end.
(* Or about which page outside of memory. *)
Definition guard_ask (base end_ : Z) (R : Z -> Z) : option Z :=
  if (Z.land (R 0) 0xffffffff =? KVM_MMIO_GUARD) && negb (guard_refused base end_ R) then Some (R 1 / PAGE_BYTES) else None.

(* Memory from 2 GiB to 3 GiB; the function and its arguments. *)
Definition called (l : list Z) (k : Z) : Z := nth (Z.to_nat k) l 0.
Example share_asked : memory_ask 0x80000000 0xc0000000 (called [KVM_MEM_SHARE; 0x80003000; 0; 0]) = Some (Share, 0x80003).
Proof. reflexivity. Qed.
Example share_behind : vendor_answer 0x80000000 0xc0000000 7 (called [KVM_MEM_SHARE; 0xc0000000; 0; 0]) = Some [(0, SMCCC_INVALID)].
Proof. reflexivity. Qed.
Example guard_asked : guard_ask 0x80000000 0xc0000000 (called [KVM_MMIO_GUARD; 0x9000000; 0; 0]) = Some 0x9000 /\
  vendor_answer 0x80000000 0xc0000000 7 (called [KVM_MMIO_GUARD; 0x80000000; 0; 0]) = Some [(0, SMCCC_INVALID)].
Proof. split; reflexivity. Qed.
Example measured : vendor_answer 0x80000000 0xc0000000 7 (called [KCORE_HC_VM_MEASUREMENT; 2; 0; 0]) = Some [(0, 0); (1, 7); (2, 0); (3, 0)].
Proof. reflexivity. Qed.
Example not_signed : vendor_answer 0x80000000 0xc0000000 0 (called [KCORE_HC_VM_QUOTE; 2; 0; 0]) =
  Some [(0, SMCCC_NOT_SUPPORTED); (1, 0); (2, 0); (3, 0)].
Proof. reflexivity. Qed.
Example psci_is_none : vendor_answer 0x80000000 0xc0000000 7 (called [0x84000000; 0; 0; 0]) = None /\
  memory_ask 0x80000000 0xc0000000 (called [0x84000000; 0; 0; 0]) = None.
Proof. split; reflexivity. Qed.
