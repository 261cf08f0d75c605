(* SPDX-License-Identifier: GPL-2.0-only *)
(* Written by c2coq from regs.c; do not edit. *)
From KCore Require Import lang.Syntax.
Local Open Scope string_scope.

(* enter_allowed: 0=pending 1=esr 2=flags *)
Definition f_enter_allowed : fundef := mkfun 3 [U64; U64; U64] (Some U64) (
  SIf (ECmp Eq (EVar 2) (EConst 0))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SIf (ELAnd (ELAnd (ECmp Eq (EVar 2) (EBin Shl U64 (EConst 1) (EConst 0))) (ECmp Ge (EVar 0) (EConst 1))) (ECmp Le (EVar 0) (EConst 4)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SIf (ELAnd (ELAnd (ECmp Eq (EVar 2) (EBin Shl U64 (EConst 1) (EConst 0))) (ECmp Eq (EVar 0) (EConst 5))) (ECmp Ne (EBin And U64 (EVar 1) (EConst 256)) (EConst 0)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SIf (ELAnd (ECmp Eq (EVar 2) (EBin Shl U64 (EConst 1) (EConst 1))) (ECmp Eq (EVar 0) (EConst 2)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SIf (ELAnd (ELAnd (ECmp Eq (EVar 2) (EBin Shl U64 (EConst 1) (EConst 2))) (ECmp Ge (EVar 0) (EConst 3))) (ECmp Le (EVar 0) (EConst 5)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SIf (ELAnd (ECmp Eq (EVar 2) (EBin Shl U64 (EConst 1) (EConst 3))) (ECmp Eq (EVar 0) (EConst 6)))
    (SReturn (Some (EConst 1)))
    (SSkip);;
  SReturn (Some (EConst 0))).

(* access_mask: 0=esr 1=size *)
Definition f_access_mask : fundef := mkfun 1 [U64; U64] (Some U64) (
  SAssign 1 (EBin And U64 (EBin Shr U64 (EVar 0) (EConst 22)) (EConst 3));;
  SIf (ECmp Eq (EVar 1) (EConst 3))
    (SReturn (Some (EConst 18446744073709551615)))
    (SSkip);;
  SReturn (Some (EBin Sub U64 (EBin Shl U64 (EConst 1) (EBin Shl U64 (EConst 8) (EVar 1))) (EConst 1)))).

(* mmio_value: 0=esr 1=value 2=mask 3=sign *)
Definition f_mmio_value : fundef := mkfun 2 [U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "access_mask" [(EVar 0)];;
  SAssign 3 (EBin Add U64 (EBin Shr U64 (EVar 2) (EConst 1)) (EConst 1));;
  SAssign 1 (EBin And U64 (EVar 1) (EVar 2));;
  SIf (ELAnd (ECmp Ne (EBin And U64 (EVar 0) (EConst 2097152)) (EConst 0)) (ECmp Ne (EBin And U64 (EVar 1) (EVar 3)) (EConst 0)))
    (SAssign 1 (EBin Or U64 (EVar 1) (EBNot U64 (EVar 2))))
    (SSkip);;
  SIf (ECmp Eq (EBin And U64 (EVar 0) (EConst 32768)) (EConst 0))
    (SAssign 1 (EBin And U64 (EVar 1) (EConst 4294967295)))
    (SSkip);;
  SReturn (Some (EVar 1))).

(* guest_advance: 0=context 1=pc 2=pstate *)
Definition f_guest_advance : fundef := mkfun 1 [U64; U64; U64] None (
  SCall (Some 1) "page_load" [(EVar 0); (EConst 248)];;
  SCall (Some 2) "page_load" [(EVar 0); (EConst 256)];;
  SCall None "page_store" [(EVar 0); (EConst 248); (EBin Add U64 (EVar 1) (EConst 4))];;
  SCall None "page_store" [(EVar 0); (EConst 256); (EBin And U64 (EVar 2) (EBNot U64 (EConst 2100224)))]).

(* guest_exception: 0=context 1=esr 2=far 3=pc 4=pstate 5=vector 6=handler 7=same *)
Definition f_guest_exception : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64; U64; U64] None (
  SCall (Some 3) "page_load" [(EVar 0); (EConst 248)];;
  SCall (Some 4) "page_load" [(EVar 0); (EConst 256)];;
  SCall (Some 5) "exception_vector" [(EVar 4)];;
  SCall (Some 6) "exception_pstate" [(EVar 4)];;
  SAssign 7 (ECond (ELOr (ECmp Eq (EBin And U64 (EVar 4) (EConst 31)) (EConst 5)) (ECmp Eq (EBin And U64 (EVar 4) (EConst 31)) (EConst 4))) (EConst 1) (EConst 0));;
  SIf (ELAnd (ECmp Ne (EVar 7) (EConst 0)) (ECmp Ne (EVar 1) (EBin Or U64 (EConst 0) (EConst 33554432))))
    (SAssign 1 (EBin Add U64 (EVar 1) (EConst 67108864)))
    (SSkip);;
  SCall None "exception_take" [(EVar 3); (EVar 4); (EVar 1); (EVar 2)];;
  SCall None "page_store" [(EVar 0); (EConst 248); (EVar 5)];;
  SCall None "page_store" [(EVar 0); (EConst 256); (EVar 6)]).

(* guest_undefined: 0=context *)
Definition f_guest_undefined : fundef := mkfun 1 [U64] None (
  SCall None "guest_exception" [(EVar 0); (EBin Or U64 (EConst 0) (EConst 33554432)); (EConst 0)]).

(* guest_abort: 0=vcpu 1=esr 2=far 3=hpfar 4=context 5=allowed 6=syndrome *)
Definition f_guest_abort : fundef := mkfun 4 [U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 4) "get_vcpu_context" [(EVar 0)];;
  SCall (Some 5) "guard_allows" [(EBin Div U64 (EVar 0) (EConst 16)); (EBin Shl U64 (EBin And U64 (EVar 3) (EConst 1099511627760)) (EConst 8))];;
  SAssign 6 (EBin Or U64 (EBin Or U64 (EConst 2147483648) (EConst 33554432)) (EConst 16));;
  SIf (ECmp Ne (EVar 5) (EConst 0))
    (SReturn (Some (EConst 0)))
    (SSkip);;
  SIf (ECmp Ne (EBin And U64 (EVar 1) (EConst 4227858432)) (EConst 2147483648))
    (SAssign 6 (EBin Or U64 (EBin Or U64 (EBin Or U64 (EConst 2415919104) (EConst 33554432)) (EBin And U64 (EVar 1) (EConst 64))) (EConst 16)))
    (SSkip);;
  SCall None "guest_exception" [(EVar 4); (EVar 6); (EVar 2)];;
  SReturn (Some (EConst 1))).

(* enter_apply: 0=vcpu 1=flags 2=context 3=page 4=pending 5=esr 6=far 7=rt 8=value *)
Definition f_enter_apply : fundef := mkfun 2 [U64; U64; U64; U64; U64; U64; U64; U64; U64] None (
  SCall (Some 2) "get_vcpu_context" [(EVar 0)];;
  SCall (Some 3) "get_vcpu_page" [(EVar 0)];;
  SCall (Some 4) "get_vcpu_pending" [(EVar 0)];;
  SCall (Some 5) "get_vcpu_esr" [(EVar 0)];;
  SCall (Some 6) "get_vcpu_far" [(EVar 0)];;
  SAssign 7 (EBin And U64 (EBin Shr U64 (EVar 5) (EConst 16)) (EConst 31));;
  SCall None "set_vcpu_pending" [(EVar 0); (EConst 0)];;
  SIf (ECmp Eq (EVar 1) (EBin Shl U64 (EConst 1) (EConst 0)))
    (SIf (ELAnd (ECmp Eq (EVar 4) (EConst 3)) (ECmp Ne (EVar 7) (EConst 31)))
      (SCall (Some 8) "page_load" [(EVar 3); (EBin Mul U64 (EVar 7) (EConst 8))];;
      SCall (Some 8) "mmio_value" [(EVar 5); (EVar 8)];;
      SCall None "page_store" [(EVar 2); (EBin Mul U64 (EVar 7) (EConst 8)); (EVar 8)])
      (SSkip);;
    SCall None "guest_advance" [(EVar 2)])
    (SSkip);;
  SIf (ECmp Eq (EVar 1) (EBin Shl U64 (EConst 1) (EConst 1)))
    (SCall None "guest_undefined" [(EVar 2)])
    (SSkip);;
  SIf (ECmp Eq (EVar 1) (EBin Shl U64 (EConst 1) (EConst 2)))
    (SCall None "guest_exception" [(EVar 2); (EBin Or U64 (EBin Or U64 (EBin Or U64 (EConst 2415919104) (EConst 33554432)) (EBin And U64 (EVar 5) (EConst 64))) (EConst 16)); (EVar 6)])
    (SSkip);;
  SIf (ECmp Eq (EVar 1) (EBin Shl U64 (EConst 1) (EConst 3)))
    (SCall None "guest_exception" [(EVar 2); (EBin Or U64 (EBin Or U64 (EConst 2147483648) (EConst 33554432)) (EConst 16)); (EVar 6)])
    (SSkip)).

(* release_register: 0=vcpu 1=rt 2=mask 3=context 4=page 5=value *)
Definition f_release_register : fundef := mkfun 3 [U64; U64; U64; U64; U64; U64] None (
  SCall (Some 3) "get_vcpu_context" [(EVar 0)];;
  SCall (Some 4) "get_vcpu_page" [(EVar 0)];;
  SIf (ECmp Ne (EVar 1) (EConst 31))
    (SCall (Some 5) "page_load" [(EVar 3); (EBin Mul U64 (EVar 1) (EConst 8))];;
    SCall None "page_store" [(EVar 4); (EBin Mul U64 (EVar 1) (EConst 8)); (EBin And U64 (EVar 5) (EVar 2))])
    (SSkip)).

(* abort_outside: 0=vcpu 1=esr 2=class 3=rt 4=mask *)
Definition f_abort_outside : fundef := mkfun 2 [U64; U64; U64; U64; U64] (Some U64) (
  SAssign 2 (EBin And U64 (EVar 1) (EConst 4227858432));;
  SAssign 3 (EBin And U64 (EBin Shr U64 (EVar 1) (EConst 16)) (EConst 31));;
  SIf (ECmp Eq (EVar 2) (EConst 2147483648))
    (SReturn (Some (EConst 6)))
    (SSkip);;
  SIf (ELOr (ECmp Eq (EBin And U64 (EVar 1) (EConst 16777216)) (EConst 0)) (ECmp Ne (EBin And U64 (EVar 1) (EConst 128)) (EConst 0)))
    (SReturn (Some (EConst 5)))
    (SSkip);;
  SIf (ECmp Eq (EBin And U64 (EVar 1) (EConst 64)) (EConst 0))
    (SReturn (Some (EConst 3)))
    (SSkip);;
  SCall (Some 4) "access_mask" [(EVar 1)];;
  SCall None "release_register" [(EVar 0); (EVar 3); (EVar 4)];;
  SReturn (Some (EConst 4))).

(* release_abort: 0=vcpu 1=esr 2=far 3=hpfar 4=page 5=vm 6=base 7=end 8=ipa 9=pending *)
Definition f_release_abort : fundef := mkfun 4 [U64; U64; U64; U64; U64; U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 4) "get_vcpu_page" [(EVar 0)];;
  SAssign 5 (EBin Div U64 (EVar 0) (EConst 16));;
  SCall (Some 6) "get_vm_mem_base" [(EVar 5)];;
  SCall (Some 7) "get_vm_mem_end" [(EVar 5)];;
  SAssign 8 (EBin Shl U64 (EBin And U64 (EVar 3) (EConst 1099511627760)) (EConst 8));;
  SAssign 9 (EConst 0);;
  SIf (ELAnd (ECmp Ge (EVar 8) (EVar 6)) (ECmp Lt (EVar 8) (EVar 7)))
    (SCall None "page_store" [(EVar 4); (EConst 512); (EBin And U64 (EVar 1) (EBin Or U64 (EBin Or U64 (EConst 4227858432) (EConst 33554432)) (EConst 63)))];;
    SCall None "page_store" [(EVar 4); (EConst 520); (EConst 0)])
    (SCall (Some 9) "abort_outside" [(EVar 0); (EVar 1)];;
    SCall None "page_store" [(EVar 4); (EConst 512); (EVar 1)];;
    SCall None "page_store" [(EVar 4); (EConst 520); (EBin And U64 (EVar 2) (EBin Sub U64 (EConst 4096) (EConst 1)))]);;
  SCall None "page_store" [(EVar 4); (EConst 528); (EVar 3)];;
  SReturn (Some (EVar 9))).

(* release_other: 0=vcpu 1=esr 2=page 3=ec 4=pending *)
Definition f_release_other : fundef := mkfun 2 [U64; U64; U64; U64; U64] (Some U64) (
  SCall (Some 2) "get_vcpu_page" [(EVar 0)];;
  SAssign 3 (EBin Shr U64 (EVar 1) (EConst 26));;
  SAssign 4 (EConst 0);;
  SIf (ECmp Eq (EVar 3) (EConst 24))
    (SCall None "release_register" [(EVar 0); (EBin And U64 (EBin Shr U64 (EVar 1) (EConst 5)) (EConst 31)); (EConst 18446744073709551615)];;
    SAssign 4 (EConst 2))
    (SSkip);;
  SIf (ECmp Eq (EVar 3) (EConst 1))
    (SAssign 4 (EConst 1))
    (SSkip);;
  SCall None "page_store" [(EVar 2); (EConst 512); (EVar 1)];;
  SCall None "page_store" [(EVar 2); (EConst 520); (EConst 0)];;
  SCall None "page_store" [(EVar 2); (EConst 528); (EConst 0)];;
  SReturn (Some (EVar 4))).

(* exit_release: 0=vcpu 1=esr 2=far 3=hpfar 4=ec 5=pending *)
Definition f_exit_release : fundef := mkfun 4 [U64; U64; U64; U64; U64; U64] None (
  SAssign 4 (EBin Shr U64 (EVar 1) (EConst 26));;
  SIf (ELOr (ECmp Eq (EVar 4) (EConst 32)) (ECmp Eq (EVar 4) (EConst 36)))
    (SCall (Some 5) "release_abort" [(EVar 0); (EVar 1); (EVar 2); (EVar 3)])
    (SCall (Some 5) "release_other" [(EVar 0); (EVar 1)]);;
  SCall None "set_vcpu_esr" [(EVar 0); (EVar 1)];;
  SCall None "set_vcpu_far" [(EVar 0); (EVar 2)];;
  SCall None "set_vcpu_pending" [(EVar 0); (EVar 5)]).

Definition m_regs : modul := [
  ("enter_allowed", f_enter_allowed);
  ("access_mask", f_access_mask);
  ("mmio_value", f_mmio_value);
  ("guest_advance", f_guest_advance);
  ("guest_exception", f_guest_exception);
  ("guest_undefined", f_guest_undefined);
  ("guest_abort", f_guest_abort);
  ("enter_apply", f_enter_apply);
  ("release_register", f_release_register);
  ("abort_outside", f_abort_outside);
  ("release_abort", f_release_abort);
  ("release_other", f_release_other);
  ("exit_release", f_exit_release)].
